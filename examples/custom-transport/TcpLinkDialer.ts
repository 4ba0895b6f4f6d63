/** Dials a proxy over plain TCP: the token first, frames once it is welcome. */
import { type Link, LinkDialer, LinkDialError } from "@rdl/core/link/Link"
import { Effect, Layer, Redacted, type Scope } from "effect"
import * as net from "node:net"
import * as FirstLine from "./FirstLine.ts"
import { TcpLink } from "./TcpLink.ts"

export interface Options {
  readonly host: string
  readonly port: number
  readonly token: Redacted.Redacted
}

export const make = (options: Options): LinkDialer["Type"] => ({ dial: dial(options) })

export const layer = (options: Options): Layer.Layer<LinkDialer> => Layer.succeed(LinkDialer, make(options))

const dial = ({ host, port, token }: Options): Effect.Effect<Link, LinkDialError, Scope.Scope> =>
  Effect.gen(function* () {
    const fail = (reason: LinkDialError["reason"], detail: string) =>
      new LinkDialError({ reason, url: `tcp://${host}:${port}`, detail })
    const line = Redacted.value(token)
    if (/[^\w.~+/=-]/.test(line)) return yield* fail("refused", "the token holds characters that no token has")
    let link: TcpLink | undefined
    const socket = yield* Effect.acquireRelease(
      // An error nobody hears ends the process.
      Effect.sync(() => net.connect({ host, port }).on("error", () => {})),
      (socket) => Effect.sync(() => (link === undefined ? socket.destroy() : link.letGo("its scope was closed"))),
    )
    socket.write(`${line}\n`)
    const answer = yield* FirstLine.read(socket).pipe(
      Effect.mapError((why) => fail("unavailable", why)),
      Effect.timeoutFail({ duration: "10 seconds", onTimeout: () => fail("unavailable", "no answer within 10 s") }),
    )
    if (answer === "welcome") return (link = new TcpLink(socket))
    return yield* answer === "unauthorized" || answer === "forbidden"
      ? fail("refused", `the proxy does not accept the token (${answer})`)
      : fail("unsupported", "what answers there is no rdl proxy")
  })
