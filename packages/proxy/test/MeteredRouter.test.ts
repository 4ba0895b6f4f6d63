import { describe, expect, it } from "@effect/vitest"
import type { SourceContainer } from "@rdl/core/model/Container"
import type { RequestRouter, RoutedLog, User } from "@rdl/core/routing/RequestRouter"
import { Effect } from "effect"
import { IncomingMessage } from "node:http"
import { Socket } from "node:net"
import * as MeteredRouter from "../src/MeteredRouter.ts"
import { Throttle } from "../src/Throttle.ts"
import * as Visit from "../src/Visit.ts"
import { container } from "./Fleet.ts"

/** A router of whose logs nothing is read. */
const routerOf = (containers: ReadonlyArray<SourceContainer>): RequestRouter["Type"] => {
  let next = 0
  const log = (): RoutedLog => ({ container: containers[next++]!, reader: {} as RoutedLog["reader"] })
  return { logs: () => Effect.sync(log) } as unknown as RequestRouter["Type"]
}

describe("A visit", () => {
  it.scoped("knows the first 16 containers whose logs it opened", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 20 }, (_, index) => `web-${index}`)
      const router = MeteredRouter.make(
        routerOf(names.map((name) => ({ ...container("a", name), source: "edge-1", stale: false }) as SourceContainer)),
        new Throttle({ perUser: Infinity, perSource: Infinity }),
      )
      const request = new IncomingMessage(new Socket())
      const visit = Visit.begin(request, "192.0.2.1")
      const user = { claims: { sub: "ada" } } as User
      Visit.share(request, user)
      for (const name of names) yield* router.logs(user, name, {} as Parameters<typeof router.logs>[2])
      expect(visit.containers.map(({ name }) => name)).toEqual(names.slice(0, 16))
    }),
  )
})
