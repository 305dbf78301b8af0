"""How the machine is doing, from files as the kernel writes them."""

from pathlib import Path

from hw.vitals import Vitals, read_vitals


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_raspberry_pi_tells_everything(tmp_path):
    files = {
        "sys/class/thermal/thermal_zone0/temp": "51540\n",
        "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
        "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
        "proc/loadavg": "0.52 0.58 0.59 1/978 1234\n",
        "proc/self/statm": "30000 10000 500 1 0 100 0\n",
        "proc/meminfo": "MemTotal: 1000 kB\nMemAvailable:     500 kB\n",
    }
    assert read_vitals(lay(tmp_path, files)) == Vitals(51.5, True, 0.52, 512_000, 40_960_000)


def test_what_a_machine_does_not_tell_is_unknown(tmp_path):
    assert read_vitals(tmp_path) == Vitals()


def test_what_is_not_a_figure_is_unknown(tmp_path):
    files = {
        "sys/class/thermal/thermal_zone0/temp": "hot",
        "sys/class/hwmon/hwmon0/name": "rpi_volt",
        "proc/meminfo": "MemAvailable: much kB",
    }
    assert read_vitals(lay(tmp_path, files)) == Vitals()
