/** What a server answers to an upgrade that it refuses. */
import { Effect } from "effect"
import { rawConnection, readAll, upgradeRequest } from "./Loopback.ts"

export interface Answer {
  readonly status: number
  readonly head: string
  readonly error: { readonly code?: string; readonly message?: string }
}

/** Sends one upgrade and reads what comes until the server hangs up. */
export const ask = (port: number, headers: Readonly<Record<string, string>> = {}, line?: string) =>
  Effect.gen(function* () {
    const socket = yield* rawConnection(port)
    socket.write(upgradeRequest(headers, line))
    return parse(yield* readAll(socket))
  }).pipe(Effect.scoped)

export const parse = (text: string): Answer => {
  const [head = "", body = ""] = text.split("\r\n\r\n")
  return { status: Number(head.split(" ")[1]), head, error: body === "" ? {} : JSON.parse(body).error }
}
