import { Cell, type TupleItem } from "@ton/core";
import { ApiError } from "./api-error.ts";
import { base64 } from "./views.ts";

/** The stack of a get-method in toncenter's JSON: pairs of a type and a value, tuples in a dialect of their own. */
export function readStack(given: unknown): TupleItem[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) throw new ApiError(422, "stack must be a list");
  return given.map(readItem);
}

function readItem(given: unknown): TupleItem {
  const [type, value] = Array.isArray(given) ? (given as unknown[]) : [];
  const text = String(value);
  switch (type) {
    case "num":
    case "int":
      return { type: "int", value: readInt(text) };
    case "cell":
    case "tvm.Cell":
      return { type: "cell", cell: readCell(text) };
    case "slice":
    case "tvm.Slice":
      return { type: "slice", cell: readCell(text) };
    case "tvm.Builder":
      return { type: "builder", cell: readCell(text) };
    default:
      throw new ApiError(422, `cannot read a stack item of type ${String(type)}`);
  }
}

/** Decimal or hexadecimal, of any sign. */
function readInt(text: string): bigint {
  if (!/^-?(0x[\da-f]+|\d+)$/i.test(text)) throw new ApiError(422, `${text} is no number`);
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

/** @throws ApiError 422 */
export function readCell(text: string): Cell {
  try {
    return Cell.fromBase64(text);
  } catch (error) {
    throw new ApiError(422, `failed to parse boc: ${String(error)}`);
  }
}

export function itemView(item: TupleItem): unknown[] {
  switch (item.type) {
    case "int": {
      const digits = item.value < 0n ? -item.value : item.value;
      return ["num", `${item.value < 0n ? "-" : ""}0x${digits.toString(16)}`];
    }
    case "nan":
      return ["num", "NaN"];
    case "null":
      return ["list", { "@type": "tvm.list", elements: [] }];
    case "cell":
    case "slice":
    case "builder":
      return [item.type === "slice" ? "cell" : item.type, { bytes: base64(item.cell) }];
    case "tuple":
      return ["tuple", { "@type": "tvm.tuple", elements: item.items.map(entryView) }];
  }
}

function entryView(item: TupleItem): unknown {
  switch (item.type) {
    case "int": {
      const number = { "@type": "tvm.numberDecimal", number: item.value.toString() };
      return { "@type": "tvm.stackEntryNumber", number };
    }
    case "cell":
      return { "@type": "tvm.stackEntryCell", cell: cellView("tvm.cell", item.cell) };
    case "slice":
      return { "@type": "tvm.stackEntrySlice", slice: cellView("tvm.slice", item.cell) };
    case "tuple": {
      const tuple = { "@type": "tvm.tuple", elements: item.items.map(entryView) };
      return { "@type": "tvm.stackEntryTuple", tuple };
    }
    case "null":
      return { "@type": "tvm.stackEntryList", list: { "@type": "tvm.list", elements: [] } };
    default:
      throw new ApiError(500, `a ${item.type} within a tuple has no form in this API`);
  }
}

function cellView(type: string, cell: Cell): unknown {
  return { "@type": type, bytes: base64(cell) };
}
