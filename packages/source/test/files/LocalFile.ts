/** Writes records as the `local` driver does, from the engine's description of its messages. */

export interface LocalRecord {
  readonly stream: 1 | 2
  readonly nanos: bigint
  readonly line: Uint8Array
  /** A piece of a line, or a line that has no newline. */
  readonly piece?: { readonly last: boolean; readonly ordinal: number } | undefined
  /** Fields that nobody knows yet, as they stand in the message. */
  readonly unknown?: Uint8Array | undefined
}

export const localRecord = ({ stream, nanos, line, piece, unknown }: LocalRecord): Buffer => {
  const message = Buffer.concat([
    field(1, Buffer.from(stream === 1 ? "stdout" : "stderr")),
    nanos === 0n ? Buffer.alloc(0) : number(2, nanos),
    line.length === 0 ? Buffer.alloc(0) : field(3, line),
    ...(piece === undefined ? [] : [number(4, 1n), field(5, metadata(piece))]),
    unknown ?? Buffer.alloc(0),
  ])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(message.length)
  return Buffer.concat([length, message, length])
}

const metadata = ({ last, ordinal }: { readonly last: boolean; readonly ordinal: number }): Buffer =>
  Buffer.concat([
    last ? number(1, 1n) : Buffer.alloc(0),
    field(2, Buffer.from("8ed11b52af2e15469751e6e82e761187919c791e672fa5204b6c69e5012d6de5")),
    number(3, BigInt(ordinal)),
  ])

const field = (tag: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([varint(BigInt(tag * 8 + 2)), varint(BigInt(bytes.length)), bytes])

const number = (tag: number, value: bigint): Buffer =>
  Buffer.concat([varint(BigInt(tag * 8)), varint(BigInt.asUintN(64, value))])

const varint = (value: bigint): Buffer => {
  const bytes: Array<number> = []
  for (; value >= 0x80n; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(value)])
}
