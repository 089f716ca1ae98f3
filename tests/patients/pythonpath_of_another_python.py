"""PYTHONPATH holds another Python's packages, in an older version and compiled for it."""

RULES = "pythonpath-pollution"
SAYS = r"cannot import name '?_speed|No module named '?quant_table\._speed"
NEEDS = "gcc make"
BUILD = "make"
ENVIRONMENT = {"PYTHONPATH": "{box}/opt/ros/lib/python3.6/site-packages"}
PROJECT = {
    "Makefile": """\
        build/codes.o: codes.py
        \tmkdir -p build
        \tpython codes.py > build/codes.c
        \t$(CC) -c build/codes.c -o $@
    """,
    "codes.py": 'import quant_table\n\nprint("int bits = %d;" % quant_table.BITS)\n',
}


def make(box):
    site = box.venv()
    other = box.folder / "opt/ros/lib/python3.6/site-packages"
    for folder, version in ((site, "2.0"), (other, "1.1")):
        where = folder.relative_to(box.folder)
        metadata = f"Metadata-Version: 2.1\nName: quant-table\nVersion: {version}\n"
        box.write(f"{where}/quant_table-{version}.dist-info/METADATA", metadata)
        box.write(f"{where}/quant_table-{version}.dist-info/RECORD", "")
    box.write(f"{site.relative_to(box.folder)}/quant_table/__init__.py", "BITS = 4\n")
    box.write(
        "opt/ros/lib/python3.6/site-packages/quant_table/__init__.py", "from quant_table._speed import BITS\n"
    )
    box.write("opt/ros/lib/python3.6/site-packages/quant_table/_speed.cpython-36m-x86_64-linux-gnu.so", "")
