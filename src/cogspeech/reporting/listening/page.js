// Mounts the recordings of a report, each when it is opened: what is closed costs nothing.
import {mountRecording} from './view.js';

function soundOf(shelf) {
  const sound = shelf.querySelector('script[data-sound]');
  if (!sound) return '';
  const letters = atob(sound.textContent);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = letters.charCodeAt(at);
  return URL.createObjectURL(new Blob([bytes], {type: sound.dataset.sound}));
}

function mount(shelf) {
  if (shelf.dataset.mounted) return;
  shelf.dataset.mounted = 'true';
  const data = JSON.parse(shelf.querySelector('script[type="application/json"]').textContent);
  const place = shelf.querySelector('.cs-place');
  mountRecording(place, data, {audioUrl: soundOf(shelf), hasTitle: false});
}

for (const shelf of document.querySelectorAll('details[data-recording]')) {
  if (shelf.open) mount(shelf);
  shelf.addEventListener('toggle', () => shelf.open && mount(shelf));
}
window.addEventListener('beforeprint', () =>
  document.querySelectorAll('details[data-recording]').forEach(mount),
);
