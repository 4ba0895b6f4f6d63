/** The API's description as a page: one file, nothing loaded from anywhere. */
import type { OpenAPISpec } from "@effect/platform/OpenApi"

/** Lets a browser run and load nothing, whatever should get into the page. */
export const headers = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
}

/** The whole page. */
export const render = (document: OpenAPISpec): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(document.info.title)}: the user API</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(document.info.title)}</h1>
<p>${text(document.info.description)}</p>
<p>Send a user's token with every request, as <code>Authorization: Bearer …</code>. The same for machines:
<a href="openapi.json">openapi.json</a>.</p>
${Object.entries(document.paths)
  .map(([path, { get }]) => (get === undefined ? "" : operation(path, get)))
  .join("")}
</body>
</html>
`

type Operation = NonNullable<OpenAPISpec["paths"][`/${string}`]["get"]>

const operation = (path: string, { summary, description, parameters, responses }: Operation): string => `
<section>
<h2><code>GET ${escape(path)}</code></h2>
<p><b>${text(summary)}</b> ${text(description)}</p>
${table(
  "Parameter",
  parameters.map(({ name, description, schema }) => [name, description ?? "", "enum" in schema ? schema.enum : []]),
)}
${table(
  "Status",
  Object.entries(responses).map(([status, response]) => [
    status,
    response.description,
    Object.keys(response.content ?? {}).filter((type) => type !== "application/json"),
  ]),
)}
</section>`

type Row = readonly [name: string, description: string, values: ReadonlyArray<unknown>]

const table = (title: string, rows: ReadonlyArray<Row>): string =>
  rows.length === 0
    ? ""
    : `<table><tr><th>${title}<th>Meaning</tr>${rows
        .map(
          ([name, description, values]) =>
            `<tr><td><code>${escape(name)}</code><td>${text(description)}${values
              .map((value) => ` <code>${escape(String(value))}</code>`)
              .join("")}</tr>`,
        )
        .join("\n")}</table>`

/** Text in which backquotes mark code. */
const text = (value = ""): string => escape(value).replaceAll(/`([^`]*)`/g, "<code>$1</code>")

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

const escape = (value: string): string => value.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? "")

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
section { margin-top: 2.5rem; border-top: 1px solid #8884 }
table { border-collapse: collapse; width: 100%; margin: 0.75rem 0 }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #8882 }
td:first-child { white-space: nowrap }
code { font: 0.9em ui-monospace, monospace; background: #8882; padding: 0 0.25em; border-radius: 3px }
`
