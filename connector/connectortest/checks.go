package connectortest

import "slices"

// checks gives every rule, in the order in which a person would look at them.
func (h Harness) checks() []check {
	return slices.Concat(
		settingsChecks(), accountChecks(),
		webhookChecks(), pollingChecks(), windowChecks(), decodingChecks(), feedbackChecks(),
		customerChecks(), peopleChecks(), itemChecks(), orderChecks(), lostChecks(),
		writingChecks(), pressureChecks(), hygieneChecks(),
	)
}
