/** Which request gets which answer: paths, versions and refusals as the engine has them. */
import { posix } from "node:path"
import { type Answer, errorAnswer, jsonAnswer, wholeAnswer } from "./Answer.ts"
import { ApiError } from "./ApiError.ts"
import { inspectJson, listElement } from "./ContainerJson.ts"
import { infoJson, pingAnswer, versionJson } from "./EngineInfo.ts"
import type { EngineState } from "./EngineState.ts"
import { eventsAnswer } from "./EventsRoute.ts"
import type { Fault } from "./Fault.ts"
import { filterContainers, parseFilters } from "./Filters.ts"
import { compareVersions, engineHeaders, type Flavour } from "./Flavour.ts"
import { dockerBoolean, podmanBoolean } from "./LogQuery.ts"
import { logsAnswer } from "./LogsRoute.ts"
import type { EngineRequest } from "./RequestLog.ts"
import { statsAnswer } from "./StatsRoute.ts"
import { topAnswer } from "./TopRoute.ts"

/** Takes a request apart; undefined when its path cannot be decoded. */
export const parseRequest = (method: string, url: string): EngineRequest | undefined => {
  const mark = url.indexOf("?")
  const query = mark < 0 ? "" : url.slice(mark + 1)
  try {
    const decoded = decodeURIComponent(mark < 0 ? url : url.slice(0, mark))
    const [, version, path = decoded] = /^\/v(\d[\d.]*)(\/.*)$/s.exec(decoded) ?? []
    return { method, path, version, query, params: new URLSearchParams(query) }
  } catch {
    return undefined
  }
}

/** Never throws an ApiError: refusals are answers, too. */
export const answer = (state: EngineState, request: EngineRequest, fault: Fault | undefined): Answer => {
  const { flavour } = state
  const clean = posix.normalize(request.path)
  if (clean !== request.path) return redirect(request, clean)
  const route = routeOf(request)
  if (route === undefined) return errorAnswer(flavour, {}, new ApiError(404, notFoundText(flavour)))
  try {
    checkVersion(flavour, request.version)
  } catch (error) {
    const { "Docker-Experimental": _absent, ...headers } = engineHeaders(flavour)
    return refusal(flavour, headers, error)
  }
  try {
    return route(state, request, fault)
  } catch (error) {
    return refusal(flavour, engineHeaders(flavour), error)
  }
}

const refusal = (flavour: Flavour, headers: Readonly<Record<string, string>>, error: unknown): Answer => {
  if (error instanceof ApiError) return errorAnswer(flavour, headers, error)
  throw error
}

const notFoundText = (flavour: Flavour): string => (flavour.kind === "docker" ? "page not found" : "Not Found")

const redirect = (request: EngineRequest, clean: string): Answer => {
  const prefix = request.version === undefined ? "" : `/v${request.version}`
  const query = request.query === "" ? "" : `?${request.query}`
  return wholeAnswer(301, { Location: prefix + encodeURI(clean) + query }, "")
}

/** Podman takes any version. */
const checkVersion = (flavour: Flavour, version: string | undefined): void => {
  if (version === undefined || flavour.kind === "podman") return
  if (compareVersions(version, flavour.minApiVersion) < 0)
    throw new ApiError(
      400,
      `client version ${version} is too old. Minimum supported API version is ${flavour.minApiVersion}, please upgrade your client to a newer version`,
      { plainText: !flavour.modernErrors },
    )
  if (compareVersions(version, flavour.apiVersion) > 0)
    throw new ApiError(
      400,
      `client version ${version} is too new. Maximum supported API version is ${flavour.apiVersion}`,
    )
}

type Route = (state: EngineState, request: EngineRequest, fault: Fault | undefined) => Answer

const ROUTES: Readonly<Record<string, Route>> = {
  "/_ping": (state, request) => pingAnswer(state, request.method),
  "/version": (state) => jsonAnswer(state.flavour, versionJson(state)),
  "/info": (state) => jsonAnswer(state.flavour, infoJson(state)),
  "/events": (state, request) => eventsAnswer(state, request),
  "/containers/json": (state, request) => listAnswer(state, request),
}

const routeOf = (request: EngineRequest): Route | undefined => {
  const exact = Object.hasOwn(ROUTES, request.path) ? ROUTES[request.path] : undefined
  if (request.method === "HEAD") return request.path === "/_ping" ? exact : undefined
  if (request.method !== "GET") return undefined
  if (exact !== undefined) return exact
  const [, reference = "", verb] = /^\/containers\/(.*)\/(json|logs|stats|top)$/s.exec(request.path) ?? []
  if (verb === "stats") return (state, asked) => statsAnswer(state, asked, reference)
  if (verb === "top") return (state, asked) => topAnswer(state, asked, reference)
  if (verb === "logs") return (state, asked, fault) => logsAnswer(state, asked, reference, fault)
  if (verb === "json") return (state) => jsonAnswer(state.flavour, inspectJson(state.containers.resolve(reference)))
  return undefined
}

const listAnswer = (state: EngineState, { params }: EngineRequest): Answer => {
  const filters = parseFilters(params.get("filters"), state.flavour)
  const limitText = params.get("limit") ?? ""
  if (limitText !== "" && !/^[+-]?\d+$/.test(limitText))
    throw new ApiError(500, `strconv.Atoi: parsing ${JSON.stringify(limitText)}: invalid syntax`)
  const all = state.flavour.kind === "podman" ? podmanBoolean(params, "all") : dockerBoolean(params, "all")
  const shown = filterContainers(state.containers.all, filters, {
    all,
    limit: Number(limitText),
    flavour: state.flavour,
  })
  const now = state.clock.now()
  return jsonAnswer(
    state.flavour,
    shown.map((container) => listElement(container, now)),
  )
}
