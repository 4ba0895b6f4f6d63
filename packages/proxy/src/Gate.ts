/** Lets nobody through without a user's token: every path but the open ones is refused first, known or not. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { ApiError } from "@rdl/core/api/ApiError"
import type { TokenVerifier } from "@rdl/core/token/TokenVerifier"
import * as TokenWatch from "@rdl/core/token/TokenWatch"
import { Authentication, CurrentUser, OPEN_PATHS } from "@rdl/core/api/UserApi"
import { Effect, Layer, Option } from "effect"
import * as ErrorResponse from "./ErrorResponse.ts"
import * as Routes from "./Routes.ts"

/** The app behind the gate; what it serves knows the user as `CurrentUser`. */
export const guard = <E, R>(verifier: TokenVerifier["Type"], app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    if (OPEN_PATHS.has(Routes.pathOf(request.url))) return app
    const token = bearerOf(request.headers["authorization"])
    return Effect.matchEffect(verifier.verify(token, "user"), {
      onFailure: (rejected) =>
        Effect.as(
          Effect.logDebug(`a token was refused: ${rejected.detail}`),
          ErrorResponse.make(ErrorResponse.fromRejectedToken(rejected)),
        ),
      onSuccess: (claims) =>
        Effect.provideService(app, CurrentUser, {
          claims,
          lapsed: TokenWatch.lapsed(verifier, token ?? "", claims),
        }),
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

const bearerOf = (header: string | undefined): string | undefined => /^bearer +(\S+)$/i.exec(header ?? "")?.[1]
