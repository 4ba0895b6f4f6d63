/** The links of a page of documentation that lead to the repository: to a file, a directory, or a place in a page. */
import { existsSync, readFileSync, statSync } from "node:fs"
import { dirname, join } from "node:path"

/** What is wrong with the links of the page `name`: a sentence each. */
export const problems = (root: string, name: string): ReadonlyArray<string> => {
  const text = readFileSync(join(root, name), "utf8")
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return []
    const [path = "", anchor] = target.split("#")
    const file = path === "" ? join(root, name) : join(root, dirname(name), path)
    if (!existsSync(file)) return [`${name}: there is no ${target}`]
    if (anchor === undefined || !statSync(file).isFile()) return []
    return anchors(readFileSync(file, "utf8")).has(anchor) ? [] : [`${name}: there is no place ${target}`]
  })
}

/** Those a page names, and those that its headings make by themselves. */
const anchors = (text: string): ReadonlySet<string> =>
  new Set([
    ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id),
    ...[...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => slug(heading)),
  ])

const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/<[^>]*>|[^\w\s-]/g, "")
    .trim()
    .replaceAll(" ", "-")
