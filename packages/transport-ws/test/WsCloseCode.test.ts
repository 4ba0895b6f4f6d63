import { expect, it } from "@effect/vitest"
import * as WsCloseCode from "@rdl/transport-ws/WsCloseCode"
import { FastCheck as fc } from "effect"

it("gives every session code back at the other end", () => {
  for (let code = 0; code < 100; code += 1) expect(WsCloseCode.fromWs(WsCloseCode.toWs(code))).toBe(code)
})

it("only makes codes that may be sent, whatever it is given", () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer(), fc.double()), (code) => {
      const ws = WsCloseCode.toWs(code)
      expect([1000, 1001, 1002, 1009, 1011].includes(ws) || (ws >= 4300 && ws < 4500)).toBe(true)
    }),
  )
})

it("uses the code of WebSocket where one means the same", () => {
  const expected = { 0: 1000, 1: 1002, 2: 1011, 4: 1009, 6: 4401, 7: 4408, 8: 1001, 11: 4409, 3: 4303, 300: 1011 }
  for (const [code, ws] of Object.entries(expected)) expect(WsCloseCode.toWs(Number(code))).toBe(ws)
})

it("reads what foreign ends send, and takes the unknown for an internal error", () => {
  const expected = { 1005: 0, 1003: 1, 1007: 1, 1008: 1, 1012: 8, 1013: 8, 1010: 2, 3000: 2, 4999: 2 }
  for (const [ws, code] of Object.entries(expected)) expect(WsCloseCode.fromWs(Number(ws))).toBe(code)
})
