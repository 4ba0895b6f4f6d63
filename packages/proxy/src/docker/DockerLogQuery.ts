/** The parameters of `GET /containers/{id}/logs`, read as Docker's daemon reads them. */
import type { LogQuery } from "@rdl/core/log/LogQuery"
import { Either } from "effect"
import { badRequest, type DockerError } from "./DockerError.ts"
import * as DockerParameter from "./DockerParameter.ts"

/** Whatever means nothing gets the daemon's own words; `tail` never does. */
export const parse = (parameters: URLSearchParams): Either.Either<LogQuery, DockerError> =>
  Either.gen(function* () {
    const stdout = DockerParameter.boolean(parameters, "stdout")
    const stderr = DockerParameter.boolean(parameters, "stderr")
    if (!stdout && !stderr) return yield* Either.left(badRequest("Bad parameters: you must choose at least one stream"))
    const since = yield* DockerParameter.time(parameters, "since")
    const until = yield* DockerParameter.time(parameters, "until")
    const tail = DockerParameter.tail(parameters)
    return {
      stdout,
      stderr,
      follow: DockerParameter.boolean(parameters, "follow"),
      timestamps: DockerParameter.boolean(parameters, "timestamps"),
      details: DockerParameter.boolean(parameters, "details"),
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      ...(tail === undefined ? {} : { tail }),
    }
  })
