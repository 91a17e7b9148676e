// Vercel's `ai` against the server at argv[2]: a model by API, argv[3], with multi-step tools; whole, streamed, and an object.
import { generateObject, generateText, stepCountIs, streamText, tool } from 'ai';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { z } from 'zod';

const [, , base, name] = process.argv;
const settings = { baseURL: `${base}/v1`, apiKey: 'none' };
// The default model class of the OpenAI provider speaks Responses, with stored items; it knows reasoning models by bare names.
const models = {
  responses: () => createOpenAI(settings)('gpt-5'),
  chat: () => createOpenAI(settings).chat('scripted/m'),
  messages: () => createAnthropic(settings)('scripted/m'),
};
const model = models[name]();
const weather = tool({
  description: 'The weather in a city.',
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => ({ city, celsius: 21 }),
});
const common = { model, tools: { weather }, stopWhen: stepCountIs(4), maxOutputTokens: 100, maxRetries: 0 };

const whole = await generateText({ ...common, prompt: 'Weather in Ghent and Rome?' });
const stream = streamText({ ...common, prompt: 'Weather in Ghent and Rome?', onError: ({ error }) => { throw error; } });
let streamed = '';
for await (const piece of stream.textStream) streamed += piece;
const made = await generateObject({ model, schema: z.object({ city: z.string() }), prompt: 'A city.', maxRetries: 0 });
console.log(JSON.stringify({
  steps: whole.steps.map((step) => step.toolCalls.map((call) => call.input.city)),
  text: whole.text,
  tokens: whole.totalUsage.inputTokens > 0,
  streamed,
  streamedSteps: (await stream.steps).length,
  object: made.object,
}));
