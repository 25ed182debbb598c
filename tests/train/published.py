"""Chat templates as their makers publish them: those that TRL brings are read from it, the short ones stand here."""

from importlib.util import find_spec
from pathlib import Path

_IN_TRL = {"llama3": "llama3_1", "qwen2.5": "qwen2_5", "qwen3": "qwen3", "gemma3": "gemma3", "gpt-oss": "gptoss"}
_SHORT = {
    "smollm2": (
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}"
        "{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "smollm3": (
        "{{- '<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nToday Date: ' + strftime_now('%d %B %Y')"
        " + '\nReasoning Mode: /think\n\n## Custom Instructions\n\n' }}"
        "{{- messages[0].content if messages[0].role == 'system' else 'You are a helpful AI assistant named SmolLM, "
        "trained by Hugging Face.' }}{{- '\n\n<|im_end|>\n' }}{% for message in messages %}"
        "{% if message.role == 'user' %}{{ '<|im_start|>user\n' + message.content + '<|im_end|>\n' }}"
        "{% elif message.role == 'assistant' %}{% generation %}{{ '<|im_start|>assistant\n' + "
        "message.content.lstrip('\n') + '<|im_end|>\n' }}{% endgeneration %}{% elif message.role == 'tool' %}"
        "{{ '<|im_start|>user\n' + message.content + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    ),
    "olmo2": (
        "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{ '<|system|>\n' + "
        "message['content'] + '\n' }}{% elif message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + '\n' }}"
        "{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\n' + message['content'] + eos_token }}"
        "{{ '' if loop.last else '\n' }}{% endif %}{% endfor %}"
    ),
    "olmo3": (
        "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nYou are a helpful function-calling AI assistant. You "
        "do not currently have access to any functions. <functions></functions><|im_end|>\n' }}{% endif %}"
        "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
        "{% endfor %}"
    ),
    "mistral": (
        "{{ bos_token }}{% set ns = namespace(system='') %}{% for message in messages %}"
        "{% if message.role == 'system' %}{% set ns.system = message.content + '\n\n' %}{% elif message.role == 'user' %}"
        "{{ '[INST] ' + ns.system + message.content + '[/INST]' }}{% set ns.system = '' %}"
        "{% elif message.role == 'assistant' %}{{ ' ' + message.content + eos_token }}{% endif %}{% endfor %}"
    ),
}
_SHORT["mistral-tekken"] = _SHORT["mistral"].replace("[INST] ", "[INST]").replace("{{ ' ' + ", "{{ ")
_SHORT["mistral-tekken-system"] = (
    "{{ bos_token }}{% if messages[0].role != 'system' %}{{ '[SYSTEM_PROMPT]You are Mistral Small 3, a Large Language Model "
    "(LLM) created by Mistral AI, a French startup headquartered in Paris.[/SYSTEM_PROMPT]' }}{% endif %}"
    "{% for message in messages %}{% if message.role == 'system' %}"
    "{{ '[SYSTEM_PROMPT]' + message.content + '[/SYSTEM_PROMPT]' }}{% elif message.role == 'user' %}"
    "{{ '[INST]' + message.content + '[/INST]' }}{% elif message.role == 'assistant' %}"
    "{{ message.content + eos_token }}{% endif %}{% endfor %}"
)


def published_template(family: str) -> str | None:
    """The template of a family's instruct models; None where it is TRL's and TRL is not installed."""
    if family in _SHORT:
        return _SHORT[family]
    found = find_spec("trl")
    if found is None or found.origin is None:
        return None
    return (Path(found.origin).parent / "chat_templates" / f"{_IN_TRL[family]}.jinja").read_text(encoding="utf-8")
