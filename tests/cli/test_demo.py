def test_the_demo_ends_on_a_page_to_open(run, tmp_path):
    result = run("demo", "--out", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    first = next(line for line in result.stdout.splitlines() if line.startswith("1 "))
    assert "Pedestrian:" in first
    assert {each.name for each in (tmp_path / "demo").iterdir()} == {
        "findings.csv", "worst.png", "report.html",
    }  # fmt: skip
    page = tmp_path / "demo" / "report.html"
    assert result.stdout.splitlines()[-1] == f"Open {page.resolve().as_uri()}"
