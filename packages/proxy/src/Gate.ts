/** Lets nobody through without a user's token: every path but the open ones is refused first, known or not. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { ApiError } from "@rdl/core/api/ApiError"
import type { User } from "@rdl/core/routing/RequestRouter"
import type { TokenVerifier } from "@rdl/core/token/TokenVerifier"
import * as TokenWatch from "@rdl/core/token/TokenWatch"
import { Authentication, CurrentUser, OPEN_PATHS } from "@rdl/core/api/UserApi"
import { Effect, Layer, Option } from "effect"
import * as ErrorResponse from "./ErrorResponse.ts"
import type { RateLimit } from "./RateLimit.ts"
import * as Routes from "./Routes.ts"
import * as Visit from "./Visit.ts"

/** The app behind the gate; what it serves knows the user as `CurrentUser`, who asks no more often than `limit` allows. */
export const guard = <E, R>(
  verifier: TokenVerifier["Type"],
  app: HttpApp.Default<E, R>,
  limit?: RateLimit,
): HttpApp.Default<E, R> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    if (OPEN_PATHS.has(Routes.pathOf(request.url))) return app
    const token = bearerOf(request.headers["authorization"])
    return Effect.matchEffect(verifier.verify(token, "user"), {
      onFailure: (rejected) =>
        Effect.as(
          Effect.logDebug(`a token was refused: ${rejected.detail}`),
          ErrorResponse.make(ErrorResponse.fromRejectedToken(rejected)),
        ),
      onSuccess: (claims) => {
        const wait = limit?.take(claims.sub) ?? 0
        if (wait > 0) return Effect.succeed(ErrorResponse.make(tooOften(claims.sub, wait)))
        const user: User = { claims, lapsed: TokenWatch.lapsed(verifier, token ?? "", claims) }
        Visit.share(NodeHttpServerRequest.toIncomingMessage(request), user)
        return Effect.provideService(app, CurrentUser, user)
      },
    })
  })

/** What the API's description calls authentication: the gate has done it, and a route it let pass without is refused. */
export const layerAuthentication: Layer.Layer<Authentication> = Layer.succeed(Authentication, {
  bearer: () =>
    Effect.flatMap(Effect.serviceOption(CurrentUser), (user) =>
      Option.isSome(user)
        ? Effect.succeed(user.value)
        : Effect.fail(new ApiError({ code: "unauthorized", message: "missing or bad token" })),
    ),
})

const tooOften = (user: string, waitMs: number): ApiError => {
  const retryAfterSeconds = Math.ceil(waitMs / 1000)
  const message = `${user} asks more often than one user may; ask again in ${retryAfterSeconds} s`
  return new ApiError({ code: "rate-limited", message, retryAfterSeconds })
}

const bearerOf = (header: string | undefined): string | undefined => /^bearer +(\S+)$/i.exec(header ?? "")?.[1]
