"""Rows of the fault catalogue that no history draws, and why: each is what this simulation leaves out (decision 0018).

What shows these rows instead says docs/hazards.md, row by row.
"""

_LINES = "no serial port here: of what is serial a reader of cards alone sends bytes, on a line that is its own"
_NO_BROKER = "no broker and no MQTT session here: bytes are handed to the link, or not"
_NO_SOCKET = "no sockets here: names, certificates and half-open connections are the kernel's and TLS's"
_NO_SQLITE = "no SQLite file here: a disk is durable group by group, slow, full or failing"
_NO_MODEL = "no recognition here: cameras deliver what was read"
_ONE_PROCESS = "one process on a loop of its own: no threads, workers, memory or file descriptors to run out of"
_NO_CONFIG = "no configuration files here: a profile is drawn, and stays for its history"
_SHORT = "a history lasts minutes: what takes days to grow, to expire or to rotate does not happen in it"
_ONE_LANE = "one lane and one controller run at a time"
_NO_CENTRE = "central operations are a reader of the outbox here, which the judge holds to what was written"
_NO_PEOPLE = "no web pages, log files or packages here: what people log in to and install"

# Row: why it is not drawn.
UNREACHED: dict[str, str] = {
    "D5": "cameras here have no clock of their own: what they say is dated by the world's",
    "D7": "boxes here are read with right check digits, wrongly or not at all: the check is the core's alone",
    "D17": _LINES,
    "D19": _LINES,
    "D27": "each Modbus frame is handed over whole: what TCP cuts is put together below the link",
    "D33": _NO_MODEL,
    "D34": _NO_MODEL,
    "C3": _NO_BROKER,
    "C11": _NO_BROKER,
    "C12": _ONE_LANE,
    "C16": _NO_SOCKET,
    "C17": _NO_SOCKET,
    "C18": _NO_SOCKET,
    "C21": _SHORT,
    "C23": _NO_CENTRE,
    "C24": _NO_BROKER,
    "X5": _NO_SQLITE,
    "X6": _NO_CONFIG,
    "X7": _NO_CONFIG,
    "X8": _ONE_PROCESS,
    "X9": "a stall is a pause of the whole process here (C15): nothing else in it could notice",
    "X10": _ONE_PROCESS,
    "X11": "tasks are cancelled only when the process has died: a kill at each named point is drawn instead (X1)",
    "X12": _ONE_PROCESS,
    "X13": _NO_MODEL,
    "X14": _NO_MODEL,
    "X15": _ONE_LANE,
    "X16": "starts are counted by the service, which starts nothing here: a killed controller is simply there again",
    "X17": _NO_SQLITE,
    "X18": _SHORT,
    "X20": _NO_SQLITE,
    "S4": "no broker, thus no access list: whoever sends anything here may send all, and only signatures stop it",
    "S5": _NO_BROKER,
    "S6": "ids here are those of one site: no topic and no file name is made of what somebody else chose",
    "S8": "what costs time costs none here: the time that a parser takes is measured on real machines",
    "S9": "a boom that moves by itself is drawn (P14); who wrote the coil cannot be told apart from it",
    "S10": _NO_MODEL,
    "S11": _NO_MODEL,
    "S14": "one root for all keys: its rotation is a person's act at the box",
    "S15": _NO_PEOPLE,
    "S16": "events that leave are held to it (I19); there are no metrics, and logs are not kept",
    "S17": _NO_PEOPLE,
    "S18": _NO_PEOPLE,
    "S19": "every lane here is a simulated one, and everything has to say so (I20)",
    "S21": "nobody writes to the disk but the journal: its chain is checked at the end of each history (I13)",
    "S22": _NO_PEOPLE,
    "O1": "no upgrade here: whatever ends the controller is a kill (X1)",
    "O2": "no upgrade here: whatever ends the controller is a kill (X1)",
    "O5": _SHORT,
    "O6": "the disk stays the lane's own: nobody restores, copies or swaps it",
    "O7": "the disk stays the lane's own: nobody restores, copies or swaps it",
    "O8": "the plant is wired as its map says: a wrong version of the map is drawn (D30), swapped wires are not",
    "O9": _NO_CONFIG,
    "O10": "plates here are written in one way: forms of text are the parser's alone",
}
