import pytest

from cinecohort.reporting.typesetting import TypesettingError, build_folder, typeset


def compile_text(source, tmp_path, name="out.pdf"):
    with build_folder() as build:
        (build / "own.typ").write_text(source)
        typeset(build, "own.typ", {"text": "#panic() *x* $y$"}, tmp_path / name)
    return (tmp_path / name).read_bytes()


def test_an_unknown_font_fails(tmp_path):
    with pytest.raises(TypesettingError, match="unknown font family"):
        compile_text('#set text(font: "No Such Font")\nwords', tmp_path)


def test_a_missing_reference_fails(tmp_path):
    with pytest.raises(TypesettingError, match="does not exist"):
        compile_text("@nowhere", tmp_path)


def test_data_are_text_and_never_markup(tmp_path):
    pypdf = pytest.importorskip("pypdf")
    compile_text('#let data = json("document.json")\n#data.text', tmp_path)
    page = pypdf.PdfReader(tmp_path / "out.pdf").pages[0]
    assert "#panic() *x* $y$" in page.extract_text()


def test_the_same_data_give_the_same_bytes(tmp_path):
    source = "= Title\nwords"
    assert compile_text(source, tmp_path, "a.pdf") == compile_text(source, tmp_path, "b.pdf")


def test_nothing_is_written_where_it_fails(tmp_path):
    with pytest.raises(TypesettingError):
        compile_text("#nothing", tmp_path)
    assert not (tmp_path / "out.pdf").exists()
