// Package chat writes a conversation as the prompt of a model, with the Jinja
// template that the model brings along, as Hugging Face's apply_chat_template
// does. The template runs confined and bounded; see package jinja.
//
// What comes from outside (the text of messages, names, arguments of tool
// calls, their results, descriptions of tools, documents, variables) can be
// told from what the template writes in the finished prompt: [Template.Render]
// returns a text in pieces that know. The exceptions are the roles, of which
// there are few, and numbers. This package knows nothing of tokens: keeping the
// words of users from turning into control tokens is the business of package
// assistant, with these pieces.
//
// Messages are OpenAI's. Where a template wants them otherwise they are fitted,
// so that a client need not know which model it talks to:
//
//   - The arguments of a tool call, given as a string, become the object that
//     templates expect; a template that can only write strings gets the string.
//   - A list of text parts becomes one text for a template that knows no parts,
//     and a text becomes a part for a template that knows only those.
//   - The content null of a message with tool calls becomes an empty text for a
//     template that would fail over it, or write None.
//   - A developer is the system for a template that does not know the role.
//
// What a template knows is found out by rendering a few short conversations
// with it, once. Everything else is passed as it came.
package chat
