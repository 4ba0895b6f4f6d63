import { describe, expect, it } from "vitest"
import { Inbox } from "../src/Inbox.ts"

describe("What came before its receiver", () => {
  it.each([
    ["of 64 KiB", 65_536, 8],
    ["of nothing, which cost 128 bytes each,", 0, 4_096],
  ])("is full with 512 KiB of frames %s and empty once the receiver has come", (_, length, count) => {
    const inbox = new Inbox()
    for (let n = 1; n < count; n++) inbox.deliver(new Uint8Array(length))
    expect(inbox.isFull).toBe(false)
    inbox.deliver(new Uint8Array(length))
    expect(inbox.isFull).toBe(true)
    let frames = 0
    inbox.start({ onFrame: () => void frames++, onDrain: () => {}, onClose: () => {} })
    expect([frames, inbox.isFull]).toEqual([count, false])
  })
})
