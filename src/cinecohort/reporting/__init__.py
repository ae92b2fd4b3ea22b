"""Figures, tables, the Typst template and the methods text.

Rules of the report's form, which every section and figure follows:

* **Page.** A4, one column of 170 mm. The first page is an abstract: cohort, one picture, three to five
  findings with intervals, who is missing, what not to believe. No page but the last of a part is less than
  half full.
* **Type.** One scale (``sizes`` in ``templates/style.typ``): Libertinus for text and tables; figures have
  DejaVu Sans of 6.5 to 8 points at the size at which they are printed.
* **Tables** are as wide as the text. Columns of numbers stand one under the other at the decimal point, in
  every number of a cell; columns of words stand left. A cell holds a value and nothing else: a smaller n is a
  letter with a note (:class:`cinecohort.reporting.numbers.NoteMarks`). A table that is too wide takes smaller
  type; one that is long and narrow goes in two halves side by side. No break parts the first rows, the last
  rows and the notes, or a heading and its first row; a heading is said again on the next page.
* **Figures** are drawn at the width of the text and are vectors; photographs alone are pixels. Colours are
  those of Okabe and Ito; what differs in colour differs in line or mark too, so that it survives grey print.
* **Captions** can be read alone: what is shown, of whom, what each mark means.
* **Words.** No capitals for emphasis, singular and plural right, no number that no heart could have on the
  first page. Data that are made up say so in both margins and the header of every page.
"""
