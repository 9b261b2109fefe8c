// Package toolcall reads the text that a model generates: it takes the calls of
// tools and the reasoning out of it while it comes, in the formats of the
// families.
//
// It promises that no text is lost: what begins as a call and is none comes out
// as content, letter by letter, with a note that says why. Only white space
// beside the marks of calls and of reasoning is dropped. No half of a mark is
// ever content. How the text is cut into deltas makes no difference to the
// events, but for where their texts are cut.
//
// A format reads its calls with plain code that asks for one letter after
// another; where there is none yet it is suspended, as a coroutine, until the
// next [Parser.Push].
//
// It knows nothing of tokens. Marks that are control tokens, which a
// tokenizer's text leaves out, are passed with [Parser.Control].
package toolcall
