/** Whether an address can be reached from the whole internet. */
import { isIP } from "node:net"
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os"

/** An address on which strangers may come where a server listens on `host`; undefined where there is none. */
export const find = (
  host: string,
  interfaces: NodeJS.Dict<ReadonlyArray<Pick<NetworkInterfaceInfo, "address">>> = ownInterfaces(),
): string | undefined => {
  const isAll = host === "0.0.0.0" || host === "::"
  const own = Object.values(interfaces).flatMap((addresses) => (addresses ?? []).map(({ address }) => address))
  return (isAll ? own.filter((address) => host === "::" || isIP(address) === 4) : [host]).find(isPublic)
}

/** None where a sandbox without netlink keeps them from this process: then nobody can be warned. */
const ownInterfaces = (): ReturnType<typeof networkInterfaces> => {
  try {
    return networkInterfaces()
  } catch {
    return {}
  }
}

/** Neither loopback nor private nor of one link only (RFC 1918, 3927, 4193, 4291, 6598). A name may be anything, and counts as public unless it is `localhost`. */
export const isPublic = (address: string): boolean => {
  switch (isIP(address)) {
    case 4:
      return !/^(0\.|10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(
        address,
      )
    case 6:
      return !/^(::1?$|f[cd]|fe[89ab]|::ffff:(10|127|192\.168)\.)/i.test(address)
    default:
      return address !== "localhost"
  }
}
