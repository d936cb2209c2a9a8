/** Reads compiled EVM code, instruction by instruction, without trusting what its interface says of it. */

/** The instructions that write storage, create, call or end a contract. */
const POWERS: Readonly<Record<number, string>> = {
  0x55: "SSTORE",
  0x5d: "TSTORE",
  0xf0: "CREATE",
  0xf1: "CALL",
  0xf2: "CALLCODE",
  0xf4: "DELEGATECALL",
  0xf5: "CREATE2",
  0xfa: "STATICCALL",
  0xff: "SELFDESTRUCT",
};

const PUSH1 = 0x60;
const PUSH4 = 0x63;
const PUSH32 = 0x7f;
const EQ = 0x14;
const DUP1 = 0x80;

export interface Instruction {
  readonly opcode: number;
  /** Null for one that can change nothing outside. */
  readonly name: string | null;
  /** What a PUSH carries, in hex. */
  readonly operand: string;
}

/** The metadata at the end is left out; its length is in the last two bytes. */
export function instructionsOf(code: string): Instruction[] {
  const bytes = Buffer.from(code.slice(2), "hex");
  const end = bytes.length - 2 - bytes.readUInt16BE(bytes.length - 2);
  const instructions: Instruction[] = [];
  for (let at = 0; at < end;) {
    const opcode = bytes[at] ?? 0;
    const width = opcode >= PUSH1 && opcode <= PUSH32 ? opcode - PUSH1 + 1 : 0;
    const operand = bytes.subarray(at + 1, at + 1 + width).toString("hex");
    instructions.push({ opcode, name: POWERS[opcode] ?? null, operand });
    at += 1 + width;
  }
  return instructions;
}

/** The selectors that the entry of the code compares a call with, sorted. */
export function selectorsOf(code: string): string[] {
  const instructions = instructionsOf(code);
  const compared = instructions.filter((instruction, i) => {
    const [before, after] = [instructions[i - 1], instructions[i + 1]];
    return instruction.opcode === PUSH4 && before?.opcode === DUP1 && after?.opcode === EQ;
  });
  return compared.map(({ operand }) => `0x${operand}`).toSorted();
}
