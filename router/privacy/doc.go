// Package privacy keeps on the device what must not leave it.
//
// A [Guard] screens every question before anything else is done with it. Rules make
// whole questions private. Personal data and secrets in any text of a conversation
// are replaced by placeholders such as <EMAIL_1> before the cloud is asked, and put
// back into its answer; what stands for what lies in a [Vault] on the device until
// the question is done with, so that an answer which comes after a restart is
// restored too. The same placeholders stand in the records.
//
// It promises that it fails closed: a question that is too long, has too much to
// hide, or cannot be redacted for any other reason stays on the device. It does not
// promise to find everything: docs/privacy.md has what it finds and how often.
package privacy
