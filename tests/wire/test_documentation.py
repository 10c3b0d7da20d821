import importlib.util
import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")


def test_the_examples_of_the_documentation_hold(tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text("\n".join(re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("example", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()
