"""Assets, checks, jobs, schedules and sensors, one module per part."""
