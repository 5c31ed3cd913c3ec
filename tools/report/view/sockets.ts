import { filesFor, RecordedContainer } from "../../model/containers";

/** A proxy of the Docker socket, and what it lets its one client do. */
export interface SocketView {
  readonly container: string;
  /**
   * Method and path, a regular expression without the version of the API in front: `GET /containers/json`. GET stands for
   * HEAD too. `ANY` is every method, and with them everything that Docker can do.
   */
  readonly reads: readonly string[];
}

/** From HAProxy's own configuration file (components/services/socket-proxy/config.ts). Pure. */
export const socketViews = (containers: readonly RecordedContainer[]): SocketView[] =>
  containers.flatMap((container) => {
    const config = filesFor(container, containers).find(({ file }) =>
      file.endsWith("/haproxy.cfg"),
    );
    return config === undefined
      ? []
      : { container: container.name, reads: allowed(config.content ?? "") };
  });

function allowed(config: string): string[] {
  const method = /^ *http-request deny .*unless METH_GET$/m.test(config) ? "GET" : "ANY";
  return [...config.matchAll(/^ *http-request allow(?: if (.*))?$/gm)].map(([, condition]) => {
    const path = /^\{ path_reg \^\(\/v1\[\.\]\[0-9\]\+\)\?(\S+)\$ \}$/.exec(condition ?? "")?.[1];
    return `${method} ${path ?? condition ?? "everything"}`;
  });
}
