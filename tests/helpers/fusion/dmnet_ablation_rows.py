"""DMNet Table V as printed: which of TST, DTB, DIB, DM and CSAB each row has (1) or lacks (0)."""

ABLATION_ROWS = {
    "AE1": "01111",
    "AE2": "10000",
    "AE3": "10001",
    "AE4": "11000",
    "AE5": "11100",
    "AE6": "11001",
    "AE7": "11010",
    "AE8": "10110",
    "AE9": "10101",
    "AE10": "10011",
    "AE11": "10111",
    "AE12": "11011",
    "AE13": "11101",
    "AE14": "11110",
    "ours": "11111",
}
