/** The program refuses to run where DOCKER_CONTEXT is set; its tests run all the same. */
delete process.env.DOCKER_CONTEXT;

export {};
