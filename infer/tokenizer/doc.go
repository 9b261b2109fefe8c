// Package tokenizer turns text into the token ids of a model and back, with
// the vocabulary that a GGUF file carries in its metadata, under llama.cpp's keys.
//
// Five families of vocabularies are supported, by tokenizer.ggml.model:
//
//	gpt2    byte-level BPE, with every pre-tokenizer that [Splitters] lists
//	llama   SentencePiece BPE with scores (Llama 2, Mistral, Baichuan, Gemma)
//	t5      SentencePiece Unigram with its normalizer (T5, XLM-RoBERTa)
//	bert    WordPiece, upper or lower case, with or without accents
//	gemma4  BPE of runes by rank, with byte tokens
//
// Another family or pre-tokenizer is an error that lists the supported ones.
//
// # What it promises
//
// Encode never fails and takes O(n log n) on any text, valid UTF-8 or not, times
// the length of the vocabulary's longest token where longest tokens are looked
// for. Text that is not said to hold special tokens never becomes a control
// token. A user's text that went through Defuse never becomes one either,
// wherever a template puts it.
//
// For byte-level BPE, and for SentencePiece BPE with byte tokens and without a
// normalizer, decoding what Encode(text, false) returned is text again, but for
// U+2581, which SentencePiece cannot tell from a space, and the space that
// add_space_prefix puts before a text in byte-level BPE. A [Stream] gives the
// same text, in whole runes.
//
// Tokens of a vocabulary with equal text are allowed: Encode uses the first of
// them. Merges whose parts or results are no tokens are allowed too; they are
// applied, and what remains is written byte by byte.
//
// # Where the references differ
//
// Ids are those of the tokenizers that the models were trained with: Hugging
// Face's tokenizers for gpt2 and bert, sentencepiece for llama and t5. llama.cpp
// gives the same for the same file, but for these:
//
//   - Of overlapping special tokens the leftmost longest wins, as in Hugging
//     Face's tokenizers; llama.cpp looks for the longest first.
//   - In WordPiece U+000B, U+000C and U+0085 vanish, accents are nonspacing marks
//     only, Hangul is decomposed in full, and a word of more than 100 runes is
//     unknown, all as in Hugging Face's tokenizers. llama.cpp ends a word there,
//     takes all marks away, keeps one of a syllable's letters, and has no bound.
//   - Unigram writes unknown runes in byte tokens where a vocabulary has all 256.
//   - A normalizer and squeezed spaces are heeded in llama, too, if the file has
//     them, and spaces come before a text only where add_space_prefix says so.
//   - add_space_prefix puts a space before a text in gpt2, too.
//   - tiny_aya and deepseek-coder follow the published patterns beyond ASCII.
//
// Like llama.cpp, and unlike Hugging Face's tokenizers, it leaves out the normal
// form NFC that some byte-level tokenizers (Qwen, GPT-NeoX) begin with: GGUF has no
// key for it.
//
// From Hugging Face's tokenizers it differs in the Unicode version: here it is
// that of Go's unicode package, there one for regular expressions and an older
// one for punctuation, marks and control characters. Their own normalizer of
// Unigram maps whole grapheme clusters, ours as sentencepiece does the longest
// prefix. From sentencepiece it differs in that scores are added up in double
// precision, as Hugging Face and llama.cpp do: of two ways to write a text in the
// same tokens in another order, which have the same sum, it may take the other.
// A user-defined token that holds U+2581 for spaces in a SentencePiece model holds
// spaces in a GGUF file, and is found where the text has spaces.
package tokenizer
