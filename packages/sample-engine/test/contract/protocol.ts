/** Versions, paths, headers and refusals. */
import { describe, expect, it } from "vitest"
import type { Subject } from "./engineContract.ts"
import { ask, askWhole, type RawAnswer } from "./RawClient.ts"

/** The headers, without those that differ from one answer to the next. */
const headersOf = ({ headers }: RawAnswer): Record<string, string> => {
  const { date, server, ...rest } = headers
  if (date !== undefined) expect(new Date(date).getTime()).not.toBeNaN()
  if (server !== undefined) expect(server).toMatch(/^Docker\/20\.10\.\d+\S* \(linux\)$/)
  return rest
}

const ENGINE = { "api-version": "1.41", "docker-experimental": "false", ostype: "linux" }
const JSON_TYPE = { "content-type": "application/json" }
const PING = {
  ...ENGINE,
  "cache-control": "no-cache, no-store, must-revalidate",
  pragma: "no-cache",
  "content-type": "text/plain; charset=utf-8",
}

const length = (text: string) => ({ "content-length": String(Buffer.byteLength(text)) })

export const protocolContract = (subject: Subject): void => {
  describe("protocol", () => {
    it.each(["/_ping", "/v1.41/_ping", "/v1.12/_ping"])("answers GET and HEAD of %s", async (path) => {
      const got = await askWhole(subject.play().url, path)
      expect([got.status, got.text, headersOf(got)]).toEqual([200, "OK", { ...PING, "content-length": "2" }])
      const head = await askWhole(subject.play().url, path, "HEAD")
      expect([head.status, head.text, headersOf(head)]).toEqual([200, "", { ...PING, "content-length": "0" }])
    })

    it("tells its versions", async () => {
      const got = await askWhole(subject.play().url, "/version")
      expect(headersOf(got)).toEqual({ ...ENGINE, ...JSON_TYPE, ...length(got.text) })
      expect(got.text.endsWith("}\n")).toBe(true)
      const arch = process.arch === "x64" ? "amd64" : process.arch
      expect(got.json).toMatchObject({
        ApiVersion: "1.41",
        MinAPIVersion: "1.12",
        Os: "linux",
        Arch: arch,
        Version: expect.stringMatching(/^20\.10\.\d+/) as unknown,
      })
      const { Components } = got.json as { Components: ReadonlyArray<unknown> }
      expect(Components[0]).toMatchObject({ Name: "Engine", Details: { ApiVersion: "1.41", MinAPIVersion: "1.12" } })
    })

    it("tells about its host, its clock in UTC nanoseconds", async () => {
      const before = Date.now()
      const got = await askWhole(subject.play().url, "/v1.41/info")
      const info = got.json as Record<string, unknown>
      expect(headersOf(got)).toMatchObject({ ...ENGINE, ...JSON_TYPE })
      expect(info).toMatchObject({ OSType: "linux", Architecture: process.arch === "x64" ? "x86_64" : "aarch64" })
      expect(info["SystemTime"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)
      expect(Math.abs(Date.parse(String(info["SystemTime"])) - before)).toBeLessThan(5000)
      const text = expect.any(String) as unknown
      expect(info).toMatchObject({
        Name: text,
        ServerVersion: text,
        OperatingSystem: text,
        ID: text,
        LoggingDriver: text,
      })
    })

    it.each([
      ["GET", "/"],
      ["GET", "/nope"],
      ["GET", "/v1.41"],
      ["GET", "/v1.41/nope"],
      ["GET", "/v1.99/nope"],
      ["GET", "/containers/web"],
      ["GET", "/containers/web/"],
      ["GET", "/containers/web/logs/"],
      ["GET", "/_ping/"],
      ["POST", "/_ping"],
      ["POST", "/containers/json"],
      ["DELETE", "/version"],
    ])("does not know %s %s", async (method, path) => {
      const got = await askWhole(subject.play().url, path, method)
      const body = '{"message":"page not found"}\n'
      expect([got.status, got.text, headersOf(got)]).toEqual([404, body, { ...JSON_TYPE, ...length(body) }])
    })

    it("knows HEAD for /_ping only", async () => {
      expect((await askWhole(subject.play().url, "/version", "HEAD")).status).toBe(404)
    })

    it.each(["1.42", "2", "1.100"])("refuses version %s as too new, before anything else", async (version) => {
      const got = await askWhole(subject.play().url, `/v${version}/containers/nope/logs`)
      const body = `{"message":"client version ${version} is too new. Maximum supported API version is 1.41"}\n`
      expect([got.status, got.text, headersOf(got)]).toEqual([
        400,
        body,
        { "api-version": "1.41", ostype: "linux", ...JSON_TYPE, ...length(body) },
      ])
    })

    it("refuses version 1.11 as too old, in plain text", async () => {
      const got = await askWhole(subject.play().url, "/v1.11/version")
      expect([got.status, got.headers["content-type"], got.headers["x-content-type-options"], got.text]).toEqual([
        400,
        "text/plain; charset=utf-8",
        "nosniff",
        "client version 1.11 is too old. Minimum supported API version is 1.12, please upgrade your client to a newer version\n",
      ])
    })

    it.each([
      ["//containers/json?all=1", "/containers/json?all=1"],
      ["/containers//json", "/containers/json"],
      ["/containers/%2Fweb/logs?stdout=1", "/containers/web/logs?stdout=1"],
      ["/containers/web%2F/json", "/containers/web/json"],
      ["/containers/x/../web/json", "/containers/web/json"],
    ])("redirects %s to the clean path", async (path, clean) => {
      const got = await askWhole(subject.play().url, path)
      expect([got.status, headersOf(got), got.text]).toEqual([301, { location: clean, "content-length": "0" }, ""])
    })

    it("flushes the headers of events and of an idle follow at once", async () => {
      const play = subject.play()
      const events = await ask(play.url, "/events")
      expect(headersOf(events)).toEqual({ ...ENGINE, ...JSON_TYPE, "transfer-encoding": "chunked" })
      const container = await play.create({ writes: [["stdout", "x\n"]], later: [] })
      await container.start()
      const follow = await ask(play.url, `/containers/${container.id}/logs?follow=1&stdout=1&tail=0`)
      expect([follow.status, headersOf(follow)]).toEqual([200, { ...ENGINE, "transfer-encoding": "chunked" }])
      expect([follow.chunks, follow.ending, events.ending]).toEqual([[], undefined, undefined])
      follow.close()
      events.close()
      await container.remove()
    })
  })
}
