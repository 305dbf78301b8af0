"""The habits every command has."""

import argparse
import json
import re
import signal
import subprocess
import sys
import types

import pytest

from gateway.cli import main as cli
from gateway.cli import output
from gateway.cli.arguments import add_command
from gateway.cli.main import COMMANDS, build_parser, main
from gateway.cli.output import CommandError, Exit
from gateway.errors import ConfigError, GatewayError
from tests.cli.support import COMMAND, ENV, ROOT, meshgate, start

PACKET = "01020701020304050607080000031011121314151617aabbcc"


def every_parser(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from every_parser(below)


@pytest.fixture
def command(monkeypatch):
    """A command ``probe`` that does whatever the test puts into it."""
    probe = types.ModuleType("gateway.cli.probe")
    probe.add = lambda commands: add_command(commands, "probe", "Try something.", ["meshgate probe"])
    monkeypatch.setitem(sys.modules, "gateway.cli.probe", probe)
    monkeypatch.setattr(cli, "COMMANDS", ("probe",))
    return probe


def raising(error):
    def run(args):
        raise error

    return run


def returning(status):
    def run(args):
        return status

    return run


def test_every_help_page_has_an_example_and_fits_one_screen(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for parser in every_parser(build_parser()):
        page = parser.format_help()
        assert "examples:\n  " in page, parser.prog
        assert page.count("\n") <= (24 if " " in parser.prog else 41), parser.prog  # the first page lists every command
        assert max(map(len, page.splitlines())) <= 80, parser.prog


def test_help_goes_to_stdout_and_lists_the_commands():
    done = meshgate("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for name in COMMANDS:
        assert re.search(rf"^    {name}\s", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    "arguments", [[], ["pakcet"], ["packet"], ["packet", "decod"], ["--nonsense"], ["config", "show", "--set", "mode"]]
)
def test_a_wrong_line_is_a_usage_error_on_stderr(arguments, capsys):
    assert main(arguments) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("meshgate: ")
    assert "--help" in err
    assert main([*arguments, "--json"]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert err == ""
    error = json.loads(out)["error"]
    assert error.keys() == {"code", "message", "hint"}
    assert error["code"] == "usage"


def test_a_misspelt_command_is_answered_with_the_nearest(capsys):
    main(["pakcet"])
    main(["packet", "decod"])
    err = capsys.readouterr().err
    assert "Did you mean packet?" in err
    assert "Did you mean decode?" in err


@pytest.mark.parametrize("before", [True, False])
def test_json_may_stand_before_or_after_the_command(before, capsys):
    arguments = ["config", "example"]
    assert main(["--json", *arguments] if before else [*arguments, "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out).keys() == {"example"}


def test_abbreviated_options_are_refused(capsys):
    assert main(["config", "show", "--ori"]) == Exit.USAGE


def test_a_command_says_how_it_failed(command, capsys):
    command.run = raising(
        CommandError("not_running", "No gateway runs here.", hint="Start one.", status=Exit.UNREACHABLE, details={"x": 1})
    )
    assert main(["probe"]) == 5
    assert capsys.readouterr() == ("", "meshgate: No gateway runs here.\nStart one.\n")
    assert main(["probe", "--json"]) == 5
    expected = {"error": {"code": "not_running", "message": "No gateway runs here.", "hint": "Start one."}, "x": 1}
    assert json.loads(capsys.readouterr().out) == expected


def test_any_error_of_ours_is_a_sentence_and_any_other_is_a_bug(command, capsys):
    command.run = raising(GatewayError("The key is gone."))
    assert main(["probe"]) == Exit.FAILED
    assert capsys.readouterr().err == "meshgate: The key is gone.\n"
    command.run = raising(ConfigError("No home."))
    assert main(["probe", "--json"]) == Exit.FAILED
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "config_invalid"
    command.run = raising(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["probe"])


def test_the_exit_code_is_what_the_command_returns(command):
    for status in Exit:
        command.run = returning(status)
        assert main(["probe"]) == status
    assert [int(status) for status in Exit] == [0, 1, 2, 3, 4, 5, 75, 130, 141]


def test_ctrl_c_ends_without_a_traceback():
    running = start("packet", "decode", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    running.stdin.write(PACKET + "\n")
    running.stdin.flush()
    assert running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate()
    assert (running.returncode, err) == (130, "\n")


def test_a_reader_that_leaves_is_no_error(tmp_path):
    (tmp_path / "packets").write_text((PACKET + "\n") * 5000)
    with (tmp_path / "packets").open() as packets:
        running = start("packet", "decode", stdin=packets, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout.readline()
    running.stdout.close()
    assert (running.stderr.read(), running.wait()) == (b"", 141)
    running.stderr.close()


def test_a_reader_that_left_before_an_error_is_no_error_either():
    running = start("nonsense", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    assert (running.stderr.read(), running.wait()) == (b"", 141)
    running.stderr.close()


def test_emphasis_is_for_terminals_only_and_not_with_no_color(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.bold("x", Terminal()) == "\x1b[1mx\x1b[0m"
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert output.bold("x", Terminal()) == "x"
    assert "\x1b" not in meshgate("nonsense").stderr


def test_the_version_imports_nothing_slow():
    slow = ["asyncio", "aiohttp", "cryptography", "msgspec", "rich", "structlog", "tomlkit", "libp2p", "multiaddr", "trio"]
    code = f"import sys; from gateway.cli.main import main; main(['--version']); print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([COMMAND[0], "-c", code], env=ENV, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
