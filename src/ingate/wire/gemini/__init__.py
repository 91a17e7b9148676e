"""Gemini's generateContent, on Google AI Studio and on Vertex AI."""
