"""Networks, preprocessing, augmentation, training, prediction, weights and their model cards."""
