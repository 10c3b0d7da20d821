import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import dhcpcallout
from dhcpcallout import codes

LAYOUT = Path(__file__).parents[1] / "native" / "layout.c"
SDK = Path(dhcpcallout.__file__).parent / "sdk"
POINTER = 8 if sys.maxsize > 1 << 32 else 4

SIZES = {
    "sizeof WCHAR": 2,
    "sizeof BYTE": 1,
    "sizeof DWORD": 4,
    "sizeof ULONG": 4,
    "sizeof BOOL": 4,
    "sizeof BOOLEAN": 1,
}

SERVER_OPTIONS = {
    "sizeof DHCP_SERVER_OPTIONS": (176, 96),
    "DHCP_SERVER_OPTIONS.MessageType": (0, 0),
    "DHCP_SERVER_OPTIONS.SubnetMask": (8, 4),
    "DHCP_SERVER_OPTIONS.RequestedAddress": (16, 8),
    "DHCP_SERVER_OPTIONS.RequestLeaseTime": (24, 12),
    "DHCP_SERVER_OPTIONS.OverlayFields": (32, 16),
    "DHCP_SERVER_OPTIONS.RouterAddress": (40, 20),
    "DHCP_SERVER_OPTIONS.Server": (48, 24),
    "DHCP_SERVER_OPTIONS.ParameterRequestList": (56, 28),
    "DHCP_SERVER_OPTIONS.ParameterRequestListLength": (64, 32),
    "DHCP_SERVER_OPTIONS.MachineName": (72, 36),
    "DHCP_SERVER_OPTIONS.MachineNameLength": (80, 40),
    "DHCP_SERVER_OPTIONS.ClientHardwareAddressType": (84, 44),
    "DHCP_SERVER_OPTIONS.ClientHardwareAddressLength": (85, 45),
    "DHCP_SERVER_OPTIONS.ClientHardwareAddress": (88, 48),
    "DHCP_SERVER_OPTIONS.ClassIdentifier": (96, 52),
    "DHCP_SERVER_OPTIONS.ClassIdentifierLength": (104, 56),
    "DHCP_SERVER_OPTIONS.VendorClass": (112, 60),
    "DHCP_SERVER_OPTIONS.VendorClassLength": (120, 64),
    "DHCP_SERVER_OPTIONS.DNSFlags": (124, 68),
    "DHCP_SERVER_OPTIONS.DNSNameLength": (128, 72),
    "DHCP_SERVER_OPTIONS.DNSName": (136, 76),
    "DHCP_SERVER_OPTIONS.DSDomainNameRequested": (144, 80),
    "DHCP_SERVER_OPTIONS.DSDomainName": (152, 84),
    "DHCP_SERVER_OPTIONS.DSDomainNameLen": (160, 88),
    "DHCP_SERVER_OPTIONS.ScopeId": (168, 92),
}

TABLE = [
    "DhcpControlHook",
    "DhcpNewPktHook",
    "DhcpPktDropHook",
    "DhcpPktSendHook",
    "DhcpAddressDelHook",
    "DhcpAddressOfferHook",
    "DhcpHandleOptionsHook",
    "DhcpDeleteClientHook",
    "DhcpExtensionHook",
    "DhcpReservedHook",
]

CONSTANTS = {
    **{f"DHCP_CONTROL_{code.name}": code.value for code in codes.ControlCode},
    **{f"DHCP_DROP_{code.name}": code.value for code in codes.DropReason},
    **{f"DHCP_{code.name}": code.value for code in codes.SendCode},
    **{f"DHCP_PROB_{code.name}": code.value for code in codes.AddressDeleteReason},
    **{f"DHCP_GIVE_ADDRESS_{code.name}": code.value for code in codes.AddressGiven},
    **{f"DHCP_CLIENT_{code.name}": code.value for code in codes.AddressType},
}


@pytest.mark.parametrize(
    ("compiler", "language"),
    [("cc", "c"), ("c++", "c++")],
)
def test_sizes_offsets_and_constants_are_those_of_the_abi(
    compiler: str, language: str, require_system: Callable[..., None], tmp_path: Path
) -> None:
    require_system(compiler)
    program = tmp_path / "layout"
    flags = ("-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{SDK}", "-x", language)
    subprocess.run([compiler, *flags, "-o", str(program), str(LAYOUT)], check=True)
    output = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    found = {name: int(value) for name, _, value in (line.rpartition(" ") for line in output.splitlines())}
    column = 0 if POINTER == 8 else 1
    assert found == {
        **SIZES,
        **{name: offsets[column] for name, offsets in SERVER_OPTIONS.items()},
        "sizeof DHCP_CALLOUT_TABLE": len(TABLE) * POINTER,
        **{f"DHCP_CALLOUT_TABLE.{name}": place * POINTER for place, name in enumerate(TABLE)},
        **CONSTANTS,
    }


@pytest.mark.parametrize(
    ("compiler", "standard"), [("cc", "c99"), ("cc", "c11"), ("cc", "c17"), ("c++", "c++11"), ("c++", "c++20")]
)
def test_a_callout_written_for_windows_compiles_without_a_warning_and_exports_its_entry_point(
    compiler: str, standard: str, require_system: Callable[..., None], tmp_path: Path
) -> None:
    require_system(compiler, "nm")
    (tmp_path / "callout.c").write_text(
        """
        #include "dhcpssdk.h"
        #ifdef __cplusplus
        extern "C"
        #endif
        __declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(IN LPWSTR chain, IN DWORD version,
                                                                    OUT LPDHCP_CALLOUT_TABLE table)
        {
            LPDHCP_ENTRY_POINT_FUNC entry = DhcpServerCalloutEntry;
            if (entry == NULL || chain == NULL || version != 0)
                return ERROR_NOT_SUPPORTED;
            table->DhcpControlHook = NULL;
            return ERROR_SUCCESS;
        }
        """
    )
    library = tmp_path / "callout.so"
    language = "c++" if compiler == "c++" else "c"
    flags = ("-Wall", "-Wextra", "-pedantic", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{SDK}")
    subprocess.run(
        [compiler, f"-std={standard}", *flags, "-x", language, "-o", str(library), str(tmp_path / "callout.c")],
        check=True,
    )
    symbols = subprocess.run(["nm", "-g", str(library)], capture_output=True, text=True, check=True).stdout
    assert "T DhcpServerCalloutEntry" in symbols or "T _DhcpServerCalloutEntry" in symbols
