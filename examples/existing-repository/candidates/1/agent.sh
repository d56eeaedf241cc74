# What the scripted agent does: edits the command line and adds tests, as a person would.
set -eu
python3 - <<'PY'
from pathlib import Path

path = Path("sqlparse/cli.py")
text = path.read_text()
text = text.replace(
    """    parser.add_argument(
        '--version',
""",
    """    parser.add_argument(
        '--check',
        dest='check',
        action='store_true',
        default=False,
        help='write nothing; exit with 1 if FILE would be reformatted')

    parser.add_argument(
        '--version',
""",
    1,
)
text = text.replace(
    """    close_stream = False
    if args.outfile:
""",
    """    if args.check:
        return _check(args, data)

    close_stream = False
    if args.outfile:
""",
    1,
)
text += '''

def _check(args, data):
    """Say whether formatting would change data; write nothing."""
    try:
        options = sqlparse.formatter.validate_options(vars(args))
    except SQLParseError as e:
        return _error('Invalid options: {}'.format(e))
    if sqlparse.format(data, **options).rstrip('\\n') == data.rstrip('\\n'):
        return 0
    sys.stderr.write('{} would be reformatted\\n'.format(args.filename))
    return 1
'''
path.write_text(text)

tests = Path("tests/test_cli.py")
tests.write_text(tests.read_text() + '''

def test_check_says_whether_input_is_formatted(tmp_path, capsys):
    path = tmp_path / "a.sql"
    path.write_text("select 1\\n")
    assert sqlparse.cli.main([str(path), "--check", "--keywords=upper"]) == 1
    path.write_text("SELECT 1\\n")
    assert sqlparse.cli.main([str(path), "--check", "--keywords=upper"]) == 0
    assert capsys.readouterr().out == ""
''')
PY
