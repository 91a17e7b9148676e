// openai-node and @anthropic-ai/sdk against the server at argv[2].
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const base = process.argv[2];
const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: 'none', maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: base, apiKey: 'none', maxRetries: 0 });
const messages = [{ role: 'user', content: 'Hi' }];

const found = {};
found.chat = (await openai.chat.completions.create({ model: 'scripted/m', messages })).choices[0].message.content;
found.chatStream = (await openai.chat.completions.stream({ model: 'scripted/m', messages }).finalMessage()).content;
const first = await openai.responses.create({ model: 'scripted/m', input: 'Hi' });
found.responses = first.output_text;
const next = await openai.responses.stream({ model: 'scripted/m', input: 'And?', previous_response_id: first.id }).finalResponse();
found.responsesStream = next.output_text;
found.items = (await openai.responses.inputItems.list(next.id)).data.length;
found.message = (await anthropic.messages.create({ model: 'scripted/m', max_tokens: 9, messages })).content[0].text;
found.messageStream = await anthropic.messages.stream({ model: 'scripted/m', max_tokens: 9, messages }).finalText();
found.counted = (await anthropic.messages.countTokens({ model: 'scripted/m', messages })).input_tokens > 0;
found.models = (await anthropic.models.list()).data.length > 0;
try {
  await anthropic.messages.create({ model: 'nonsuch/m', max_tokens: 9, messages });
} catch (error) {
  found.error = error.constructor.name;
}
console.log(JSON.stringify(found));
