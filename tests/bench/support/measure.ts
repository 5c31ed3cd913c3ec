/** Figures of several runs. */
import { succeeded, type Result } from "../../support/run";

/** Runs a command that must succeed; gives its wall time in seconds. */
export async function seconds(what: string, work: () => Promise<Result>): Promise<number> {
  return succeeded(what, await work()).ms / 1000;
}

export interface Contender {
  readonly name: string;
  readonly work: () => Promise<Result>;
}

/**
 * Median wall time of each contender, in seconds. In turns, so that whatever else the machine does meets all alike; the
 * first round only warms up.
 */
export async function inTurns(
  rounds: number,
  contenders: readonly Contender[],
): Promise<readonly number[]> {
  const times = contenders.map((): number[] => []);
  for (let round = 0; round <= rounds; round++)
    for (const [index, { name, work }] of contenders.entries()) {
      const time = await seconds(name, work);
      if (round > 0) times[index]?.push(time);
    }
  return times.map(median);
}

export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;

export const twoDigits = (value: number): string => value.toFixed(2);
