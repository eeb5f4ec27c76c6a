from robofeed.cli import run as robofeed


def test_the_last_line_says_where_the_page_is(make_run, capsys):
    run = make_run("said", steps=1000, evaluations=2, stored=1)
    assert robofeed(["report", str(run), "--no-clips"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {run / 'report.html'}"
    assert "clips were not asked for" in (run / "report.html").read_text()


def test_a_backend_that_is_not_at_hand_costs_the_clips_only(make_run):
    run = make_run("far", steps=1000, evaluations=2, stored=1)
    config = run / "config.toml"
    config.write_text(config.read_text().replace("pybullet", "some_lab_robot"))
    assert robofeed(["report", str(run)]) == 0
    page = (run / "report.html").read_text()
    assert page.count("No clip:") == 3 and "some_lab_robot" in page
    assert "97 of 100 evaluation episodes" in page


def test_a_folder_that_is_no_run_is_a_data_error(tmp_path, capsys):
    assert robofeed(["report", str(tmp_path)]) == 4
    assert "is no run folder" in capsys.readouterr().err


def test_a_run_without_its_configuration_has_a_report(make_run, capsys):
    run = make_run("bare", steps=1000, evaluations=2, stored=1)
    (run / "config.toml").unlink()
    assert robofeed(["report", str(run)]) == 0
    assert "config.toml cannot be read" in (run / "report.html").read_text()
