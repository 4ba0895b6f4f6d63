import { describe, expect, it } from "@effect/vitest"
import { FastCheck, Schema } from "effect"
import * as Authorization from "@rdl/core/token/Authorization"
import { ContainerName } from "@rdl/core/model/Container"
import { SourceName } from "@rdl/core/model/SourceName"
import type { Scope } from "@rdl/core/token/TokenClaims"

const subject = (source: string, names: readonly [string, ...Array<string>], labels: Record<string, string> = {}) => ({
  source: Schema.decodeSync(SourceName)(source),
  container: { names: Schema.decodeSync(Schema.NonEmptyArray(ContainerName))(names), labels },
})

const web = subject("edge-1", ["web", "web-alias"], { env: "prod", "com.x/y": "a=b", empty: "" })

describe("Authorization", () => {
  it.each<[string, Scope | undefined, boolean]>([
    ["no scope at all", undefined, true],
    ["an empty scope", {}, true],
    ["a source glob that matches", { sources: ["db-*", "edge-?"] }, true],
    ["a source glob that does not", { sources: ["edge-1?"] }, false],
    ["a name glob", { containers: ["w*b"] }, true],
    ["a second name", { containers: ["*alias"] }, true],
    ["another name", { containers: ["db"] }, false],
    ["the name with its source, which is no name", { containers: ["edge-1/web"] }, false],
    ["a label by its key", { labels: ["env"] }, true],
    ["a label by key and value", { labels: ["other", "env=prod"] }, true],
    ["a label with another value", { labels: ["env=test"] }, false],
    ["a label whose value holds a divider", { labels: ["com.x/y=a=b"] }, true],
    ["a label that is empty", { labels: ["empty="] }, true],
    ["a label pattern, as labels are no globs", { labels: ["env=*"] }, false],
    ["what objects inherit", { labels: ["constructor"] }, false],
    ["an empty list of sources", { sources: [] }, false],
    ["an empty list of containers", { containers: [] }, false],
    ["an empty list of labels", { labels: [] }, false],
    ["all lists matching", { sources: ["edge-1"], containers: ["web"], labels: ["env"] }, true],
    ["one list of three not matching", { sources: ["edge-1"], containers: ["web"], labels: ["nope"] }, false],
  ])("decides on %s", (_, scope, permitted) => {
    expect(Authorization.permits(scope, web)).toBe(permitted)
  })

  const list = FastCheck.option(FastCheck.array(FastCheck.constantFrom("web", "edge-1", "*", "env", "x")), {
    nil: undefined,
  })
  const scopes = FastCheck.record({ sources: list, containers: list, labels: list }).map(
    (scope) => JSON.parse(JSON.stringify(scope)) as Scope,
  )

  it("never permits more by another condition", () => {
    FastCheck.assert(
      FastCheck.property(
        scopes,
        scopes,
        (one, two) => !Authorization.permits({ ...one, ...two }, web) || Authorization.permits(two, web),
      ),
    )
  })

  it("never permits a container on a source that it does not permit", () => {
    FastCheck.assert(
      FastCheck.property(
        scopes,
        (scope) => Authorization.permitsSource(scope, web.source) || !Authorization.permits(scope, web),
      ),
    )
  })
})
