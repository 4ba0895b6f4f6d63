/** The user API as a typed description: what the proxy serves, and what `/openapi.json` says of it. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import * as OpenApi from "@effect/platform/OpenApi"
import { Context, Schema } from "effect"
import { body, describe } from "./ApiError.ts"
import { SourceContainer } from "../model/Container.ts"
import type { User } from "../routing/RequestRouter.ts"
import { SourceStatus } from "../model/SourceStatus.ts"
import { ContainersParameters, LogsParameters, NoParameters } from "./UserApiParameter.ts"

/** Who asks, once the token was found good. */
export class CurrentUser extends Context.Tag("@rdl/core/CurrentUser")<CurrentUser, User>() {}

/** Every route but the open ones wants a user's token in `Authorization: Bearer`. */
export class Authentication extends HttpApiMiddleware.Tag<Authentication>()("@rdl/core/Authentication", {
  provides: CurrentUser,
  failure: Schema.Union(body(401), body(403), body(429)),
  security: {
    bearer: HttpApiSecurity.bearer.pipe(
      HttpApiSecurity.annotate(OpenApi.Description, "A user's token, as `rdl token issue --user` makes them."),
    ),
  },
}) {}

/** What a log may be asked as, by `Accept`. */
export const LOG_TYPES = {
  "text/plain": "Each line as the container wrote it, with the source's name before it unless `host` says otherwise.",
  "application/x-ndjson": "A JSON object a line: source, container, id, stream, time, line; also `gap`, `next`, `end`.",
  "text/event-stream": "The same objects as events.",
  "application/vnd.docker.multiplexed-stream": "The engine's own framing, byte for byte, where there is no terminal.",
  "application/vnd.docker.raw-stream": "What a container with a terminal wrote, byte for byte.",
  "application/vnd.rdl.log-frames":
    "Docker's framing, whatever the container has, with frames of other types for cursors, gaps, the end and signs of life.",
} as const

const logContent = Object.fromEntries(
  Object.entries(LOG_TYPES).map(([type, description]) => [type, { schema: { type: "string", description } }]),
)

const logs = <const Name extends string>(name: Name, path: `/${string}`, summary: string) =>
  HttpApiEndpoint.get(name, path)
    .setUrlParams(LogsParameters)
    .addSuccess(HttpApiSchema.Text({ contentType: "text/plain" }))
    .addError(body(400))
    .addError(body(404))
    .addError(body(409))
    .addError(body(429))
    .addError(body(501))
    .addError(body(503))
    .addError(body(504))
    .annotate(OpenApi.Summary, summary)
    .annotate(
      OpenApi.Description,
      [
        "Headers leave at once. An answer that breaks off ends with the connection, never as if it were whole.",
        "A source that loses its link for a while breaks nothing: the answer goes on where it stopped.",
        "What is gone for good is told as a gap: an object, a frame, or in text the trailer `X-Rdl-Gap`.",
        "A follow by name goes on with the container's next run, or its successor of that name; by id it ends.",
      ].join(" "),
    )
    .annotate(OpenApi.Transform, (operation) => ({
      ...operation,
      responses: {
        ...operation["responses"],
        200: {
          description: "The log, as a stream.",
          headers: {
            "X-Rdl-Container": { description: "Which container this is: `source/name`.", schema: { type: "string" } },
            "X-Rdl-Gap": {
              description: "A trailer, in formats without a word for it: how many gaps, and why the first.",
              schema: { type: "string" },
            },
            "X-Rdl-Container-Id": { description: "Its full id.", schema: { type: "string" } },
          },
          content: logContent,
        },
      },
    }))

const containers = HttpApiGroup.make("containers")
  .add(
    HttpApiEndpoint.get("list", "/containers")
      .setUrlParams(ContainersParameters)
      .addSuccess(Schema.Array(SourceContainer))
      .addError(body(400))
      .annotate(OpenApi.Summary, "The containers of all sources")
      .annotate(
        OpenApi.Description,
        "Served from what the sources have told: `stale` containers are as they were when the link was lost.",
      ),
  )
  .add(
    logs("logs", "/containers/:ref/logs", "The log of one container").setPath(
      Schema.Struct({
        ref: Schema.String.annotations({ description: "A full id, a name, or the first digits of an id." }),
      }),
    ),
  )
  .add(
    logs("logsOfSource", "/containers/:source/:container/logs", "The log of one container of one source").setPath(
      Schema.Struct({
        source: Schema.String.annotations({ description: "The source's name." }),
        container: Schema.String.annotations({ description: "The container's name, id, or the id's first digits." }),
      }),
    ),
  )
  .middleware(Authentication)

const sources = HttpApiGroup.make("sources")
  .add(
    HttpApiEndpoint.get("list", "/sources")
      .setUrlParams(NoParameters)
      .addSuccess(Schema.Array(SourceStatus))
      .addError(body(400))
      .annotate(OpenApi.Summary, "The sources and how their links are"),
  )
  .middleware(Authentication)

const State = Schema.Struct({ status: Schema.Literal("ok") })

const system = HttpApiGroup.make("system")
  .add(
    HttpApiEndpoint.get("health", "/health")
      .addSuccess(State)
      .annotate(OpenApi.Summary, "Whether the proxy is alive; needs no token"),
  )
  .add(
    HttpApiEndpoint.get("ready", "/ready")
      .addSuccess(State)
      .addError(body(503))
      .annotate(OpenApi.Summary, "Whether the proxy takes requests; needs no token"),
  )
  .add(
    HttpApiEndpoint.get("openapi", "/openapi.json")
      .addSuccess(Schema.Object.annotations({ jsonSchema: { type: "object" } }))
      .annotate(OpenApi.Summary, "This description; needs no token"),
  )
  .add(
    HttpApiEndpoint.get("docs", "/docs")
      .addSuccess(HttpApiSchema.Text({ contentType: "text/html" }))
      .annotate(OpenApi.Summary, "This description, to be read; needs no token"),
  )

const operations = HttpApiGroup.make("operations")
  .add(
    HttpApiEndpoint.get("metrics", "/metrics")
      .addSuccess(HttpApiSchema.Text({ contentType: "text/plain" }))
      .addError(body(400))
      .annotate(OpenApi.Summary, "What the proxy counts, for Prometheus")
      .annotate(
        OpenApi.Description,
        "It tells of all users and sources, so the token must be one that may see everything.",
      ),
  )
  .middleware(Authentication)

/** The routes that need no token; every other one does, known or not. */
export const OPEN_PATHS: ReadonlySet<string> = new Set(Object.values(system.endpoints).map(({ path }) => path))

/** The platform describes an error of its own for what it cannot decode; here every parameter is read by our parsers. */
const withoutDecodeErrors = (document: OpenApi.OpenAPISpec): OpenApi.OpenAPISpec => {
  const { HttpApiDecodeError: _, Issue: __, PropertyKey: ___, ...schemas } = document.components.schemas
  const paths = structuredClone(document.paths)
  for (const { get } of Object.values(paths)) {
    const refused = get?.responses[400]?.content?.["application/json"]
    if (get === undefined || refused === undefined) continue
    if ("anyOf" in refused.schema && refused.schema.anyOf.some((schema) => "$ref" in schema && schema.$ref === OWN))
      get.responses[400] = { description: describe(400), content: { "application/json": { schema: { $ref: OWN } } } }
    else delete get.responses[400]
  }
  return { ...document, paths, components: { ...document.components, schemas } }
}

const OWN = "#/components/schemas/Error400"

/** The whole API. */
export const UserApi = HttpApi.make("rdl")
  .add(containers)
  .add(sources)
  .add(operations)
  .add(system)
  .annotateContext(
    OpenApi.annotations({
      title: "rdl",
      version: "1",
      description: "Logs of the containers of hosts that nobody can reach from outside.",
    }),
  )

/** The OpenAPI 3.1 document of the API. */
export const openApi = (): OpenApi.OpenAPISpec => withoutDecodeErrors(OpenApi.fromApi(UserApi))
