"""Checks machine code for sm_90a: registers that an asynchronous product reads keep their values until it has ended.

usage: live_operands.py CODE

CODE is what `nvdisasm -c` prints. A product (HGMMA) whose left operand is in registers reads them while the
warp goes on; it has ended where the warp waits for its group (WARPGROUP.DEPBAR). No instruction on any way
from the product to there may write them. Prints each that does, then how many products were looked at.
"""
import re
import sys

INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)\s*(.*?)\s*;")
KERNEL = re.compile(r"^\.text\.(\S+):")
LABEL = re.compile(r"^(\.L_\S+):")
REGISTER = re.compile(r"R(\d+)\b")
# What has a register first and only reads it.
READERS = ("ST", "RED", "BAR", "WARPSYNC", "NANOSLEEP", "BRX", "JMX", "CCTL", "UTMA")
MOST_GROUPS = 8  # more are never under way


class Instruction:
    def __init__(self, line, name, operands):
        self.line, self.name = line, name
        self.operands = [operand.strip() for operand in operands.split(",")]
        self.is_conditional = re.search(r"\*/\s+@", line) is not None
        target = re.search(r"`\((\.L_\S+?)\)", operands)
        self.target = target.group(1) if target else None

    def is_product(self):
        return self.name.startswith("HGMMA")

    def read_by_product(self):
        """The registers of the left operand of a product; none if it is in shared memory."""
        found = REGISTER.match(self.operands[1]) if self.is_product() else None
        return range(int(found.group(1)), int(found.group(1)) + 4) if found else None

    def ends_group(self):
        return self.is_product() and self.operands[-1] == "gsb0"

    def pending(self):
        """How many groups may be under way behind this wait; none if it is no wait."""
        return int(self.operands[1], 0) if self.name.startswith("WARPGROUP.DEPBAR") else None

    def width(self):
        shape = re.match(r"HGMMA\.\d+x(\d+)x\d+\.F32", self.name)
        if shape:
            return int(shape.group(1)) // 2
        if self.name.startswith("HMMA"):
            return 4
        if self.name.startswith("LDSM"):
            return int(re.search(r"\.(\d)$", self.name).group(1)) if self.name[-2:] in (".2", ".4") else 1
        if self.name.startswith(("LD", "ATOM")):
            return 4 if ".128" in self.name else 2 if ".64" in self.name else 1
        is_wide = self.name.startswith(("DADD", "DMUL", "DFMA", "IMAD.WIDE")) or ".F64" in self.name
        return 2 if is_wide or (self.name.startswith("CS2R") and not self.name.endswith(".32")) else 1

    def written(self):
        if self.name.startswith(READERS):
            return range(0)
        # A predicate may stand before the register.
        first = self.operands[:2] if re.match(r"!?U?P\w", self.operands[0]) else self.operands[:1]
        found = REGISTER.match(first[-1])
        return range(int(found.group(1)), int(found.group(1)) + self.width()) if found else range(0)


def kernels(text):
    """(name, instructions, index of the instruction at each label) of each kernel."""
    found = []
    for line in text.splitlines():
        if start := KERNEL.match(line):
            found.append((start.group(1), [], {}))
        elif found and (label := LABEL.match(line)):
            found[-1][2][label.group(1)] = len(found[-1][1])
        elif found and (parts := INSTRUCTION.match(line)):
            found[-1][1].append(Instruction(line, *parts.groups()))
    return found


def followers(code, labels, place):
    instruction = code[place]
    jumps = instruction.name.startswith(("BRA", "JMP"))
    if jumps and instruction.target:
        yield labels[instruction.target]
    ends = jumps or instruction.name.startswith(("EXIT", "RET"))
    if (not ends or instruction.is_conditional) and place + 1 < len(code):
        yield place + 1


def overwriting(code, labels, product):
    """Instructions that write what the product at this place reads before it has ended."""
    read = code[product].read_by_product()
    # A place, and how many groups were closed since the product, its own among them.
    ways = [(place, int(code[product].ends_group())) for place in followers(code, labels, product)]
    seen = set()
    while ways:
        place, closed = way = ways.pop()
        instruction = code[place]
        pending = instruction.pending()
        if way in seen or (pending is not None and closed > pending):
            continue
        seen.add(way)
        if set(instruction.written()) & set(read):
            yield instruction
        closed = min(closed + instruction.ends_group(), MOST_GROUPS)
        ways += [(follower, closed) for follower in followers(code, labels, place)]


def main(path):
    with open(path, encoding="utf-8") as file:
        found = kernels(file.read())
    products = problems = 0
    for name, code, labels in found:
        for place, instruction in enumerate(code):
            if instruction.read_by_product() is None:
                continue
            products += 1
            for wrong in overwriting(code, labels, place):
                problems += 1
                print(f"{name}: '{wrong.line.strip()}' overwrites what '{instruction.line.strip()}' reads")
    print(f"{products} products read registers, {problems} problems")
    return 1 if problems or not products else 0


sys.exit(main(sys.argv[1]))
