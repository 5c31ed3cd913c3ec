/** Names of the services of a synthetic stack: `s01`, `s02` … */
export const syntheticNames = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `s${String(index + 1).padStart(2, "0")}`);
