package uplink

import (
	"fmt"
	"strings"

	"github.com/a472be26/cusp/router"
)

const (
	askPrefix    = "cusp/cloud/ask/"
	answerPrefix = "cusp/cloud/answer/"
	resumePrefix = "cusp/cloud/resume/"
)

// AskTopic is where the device's questions go.
func AskTopic(device string) string { return askPrefix + device }

// AnswerTopic is where the answer to the device's question id comes back.
func AnswerTopic(device, id string) string { return answerPrefix + device + "/" + id }

// SharedAskTopic is the filter by which the workers of a group share the
// questions of all devices: the broker hands each one to one of them.
func SharedAskTopic(group string) string { return "$share/" + group + "/" + askPrefix + "+" }

// DeviceOf returns the device that a question's topic names.
func DeviceOf(topic string) (string, error) {
	device, ok := strings.CutPrefix(topic, askPrefix)
	if !ok {
		return "", fmt.Errorf("topic %.200q is not %sDEVICE", topic, askPrefix)
	}
	return device, CheckID("device", device)
}

// ResumeTopic is where the device asks one worker for a part of an answer again.
func ResumeTopic(worker, device string) string { return resumePrefix + worker + "/" + device }

// ResumeFilter is what that worker subscribes to.
func ResumeFilter(worker string) string { return resumePrefix + worker + "/+" }

// ResumingDevice returns the device that such a topic names.
func ResumingDevice(topic, worker string) (string, error) {
	device, ok := strings.CutPrefix(topic, resumePrefix+worker+"/")
	if !ok {
		return "", fmt.Errorf("topic %.200q is not %s%s/DEVICE", topic, resumePrefix, worker)
	}
	return device, CheckID("device", device)
}

// ClientID is under what name a device is known to its broker in a role. NATS takes
// no dots there.
func ClientID(role, device string) string {
	return "cusp-" + role + "-" + strings.ReplaceAll(device, ".", "%2e")
}

// CheckID is [router.CheckID]; what names the id in the error.
func CheckID(what, id string) error {
	if err := router.CheckID(id); err != nil {
		return fmt.Errorf("%s %w", what, err)
	}
	return nil
}
