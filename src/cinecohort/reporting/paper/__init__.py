"""The report in the form of Bai 2018 and Chen 2020: each table and figure as published beside one's own."""
