// Package border is the unix socket between the two processes of a device.
//
// The engine process has models and records and no network; the link process has
// brokers and their credentials, and the outbox. The link listens; the engine
// connects, one connection for each thing that is asked. On some of them it
// offers to be asked: that is how questions from the MQTT front door, and answers
// that came late, reach the engine, which needs no socket of its own for that.
//
// A connection carries lines of JSON (see frame). Nothing waits for more to come:
// each piece of an answer is a write. Closing a connection gives up what it was
// for. Either process asks the kernel who is at the other end and speaks with
// root, its own user and configured ones only.
//
// Promises: a question is accepted once the outbox has it on disk, and the engine
// is told. An outcome leaves the outbox only when the engine has said that it
// arrived for good. Either process may be killed at any moment: the other one
// waits for it, and asks again under the same id. A private question leaves the
// engine process at no time, and the link refuses one.
//
// What the package does not do: MQTT (router/uplink, daemon/iot), deciding
// (router), wiring (daemon).
package border
