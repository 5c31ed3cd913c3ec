/** All modules of the program and nothing of its work: how long Pulumi waits for the first line. */
import "../../../..";

console.log(`loaded after ${Math.round(performance.now())} ms`);
