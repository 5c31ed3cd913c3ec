/** The environment for programs that do not decrypt secrets: ssh, docker, shells, downloads. Pure. */
export function withoutPassphrase(from: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...from,
    PULUMI_CONFIG_PASSPHRASE: undefined,
    PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
  };
}
