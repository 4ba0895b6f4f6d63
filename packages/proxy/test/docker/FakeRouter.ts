/** A proxy that really listens over a router that only writes down what it was asked. */
import { ApiError } from "@rdl/core/api/ApiError"
import { RequestRouter } from "@rdl/core/routing/RequestRouter"
import * as TokenCodec from "@rdl/core/token/TokenCodec"
import * as TokenKey from "@rdl/core/token/TokenKey"
import * as TokenVerifier from "@rdl/core/token/TokenVerifier"
import type { SourceContainer } from "@rdl/core/model/Container"
import { Context, Effect, Layer } from "effect"
import { connect } from "node:net"
import * as Proxy from "../../src/Proxy.ts"
import * as ProxyServer from "../../src/ProxyServer.ts"

export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** What the proxy asked its router for; every question that `own` does not answer is answered as one about nothing. */
export const start = Effect.fn("FakeRouter.start")(function* (
  containers: ReadonlyArray<SourceContainer> = [],
  own: Partial<RequestRouter["Type"]> = {},
) {
  const calls: Array<string> = []
  const nothing = (what: string) =>
    Effect.suspend(() => {
      calls.push(what)
      return Effect.fail(new ApiError({ code: "no-such-container", message: "none" }))
    })
  const router = RequestRouter.of({
    containers: () => Effect.succeed(containers),
    sources: () => Effect.succeed([]),
    logs: (_, ref) => nothing(`logs ${ref}`),
    ask: (_, ref, { op }) => nothing(`${op} ${ref}`),
    events: () => nothing("events"),
    ...own,
  })
  const [key] = yield* TokenKey.parse(JSON.stringify(yield* TokenKey.generate("EdDSA")))
  if (key === undefined) throw new Error("no key")
  const context = yield* Layer.build(
    ProxyServer.layer({ host: "127.0.0.1", port: 0, grace: "50 millis" }).pipe(
      Layer.provide(Proxy.layerHandler),
      Layer.provide(Layer.succeed(RequestRouter, router)),
      Layer.provide(TokenVerifier.layer({ keys: [key] })),
    ),
  )
  const { url } = Context.get(context, ProxyServer.ProxyServer)
  const token = yield* TokenCodec.issue(key, { sub: "ann", role: "user", iat: 0, exp: 3600, jti: "t" })
  const ask = (method: string, target: string, authorization = `Authorization: Bearer ${token}\r\n`) =>
    Effect.promise(() =>
      raw(url, `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${authorization}\r\n`),
    )
  return { calls, ask, token, url }
})

/** Sends the bytes as they are: what clients would tidy up comes as it was written. */
const raw = (url: string, request: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(request, "latin1"))
    let text = ""
    socket.setEncoding("latin1").on("data", (part: string) => (text += part))
    socket.on("error", reject).on("close", () => {
      const [head = "", ...rest] = text.split("\r\n\r\n")
      resolve({ status: Number(head.split(" ")[1]), head, body: rest.join("\r\n\r\n") })
    })
  })
