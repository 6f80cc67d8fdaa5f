from harness.data.__main__ import main


def test_the_first_time_builds_and_the_second_is_up_to_date(use_folder, results, capsys):
    use_folder()
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert printed.count("- SHA-256: ") == 6
    assert "paper_hard: 6 problems from a part of DeepMath-103K" in printed
    files = {path: path.stat().st_mtime_ns for path in (results / "tiers").glob("*.jsonl")}
    assert main([]) == 0
    assert capsys.readouterr().out.count("- up to date: ") == 6
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_a_setting_builds_anew(use_folder, capsys):
    use_folder()
    main([])
    capsys.readouterr()
    assert main(["part=0.5"]) == 0
    assert "paper_medium: 15 problems" in capsys.readouterr().out


def test_wrong_settings_end_with_2_and_say_why(use_folder, capsys):
    use_folder()
    for argument, said in (
        ("guessible=0.1", "guessible"),
        ("near=2", "near"),
        ("seed", "write seed=VALUE"),
        ("size=x", "size"),
    ):
        assert main([argument]) == 2
        assert said in capsys.readouterr().err


def test_bad_data_ends_with_2_and_one_message(use_folder, capsys):
    folder = use_folder()
    (folder / "train/deepmath_5k.jsonl").write_text('{"id": "x", "problem": "cut')
    assert main([]) == 2
    said = capsys.readouterr().err
    assert "deepmath_5k.jsonl:1: no complete JSON object" in said
    assert "Traceback" not in said
